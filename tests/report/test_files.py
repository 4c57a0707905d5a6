"""A Markdown report in a folder has its pictures beside it; without files it names none."""

import re
from urllib.parse import unquote

import pytest

from ray_bench.report.files import write_markdown
from ray_bench.report.markdown import markdown_report
from ray_bench.store import ResultsStore
from tests.report.reports import report_of

IMAGE = re.compile(r"^!\[(.*)\]\((.*)\)$", re.MULTILINE)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    path = write_markdown(report_of("golden"), ResultsStore(folder), "our report.md")
    return folder, path


def test_every_picture_is_a_file_that_the_report_links(written):
    folder, path = written
    text = (folder / "our report.md").read_text()
    assert path.endswith("our report.md")
    linked = [unquote(found) for _, found in IMAGE.findall(text)]
    assert len(linked) == len(report_of("golden").pictures)
    assert sorted(linked) == sorted(
        str(x.relative_to(folder)) for x in (folder / "our report_files").iterdir()
    )
    assert all((folder / x).read_text().startswith("<svg") for x in linked)
    assert not any(" " in found for _, found in IMAGE.findall(text))


def test_pictures_stand_in_their_section_with_words_for_them(written):
    folder, _ = written
    text = (folder / "our report.md").read_text()
    report = report_of("golden")
    for section in report.sections:
        part = text.split(f"## {section.title}\n")[1].split("\n## ")[0]
        keys = [x.key for x in report.pictures if x.section == section.key]
        assert [re.sub(r".*/|\.svg", "", x) for _, x in IMAGE.findall(part)] == keys
    speedup = next(x for x in report.pictures if x.key == "speedup")
    alts = [words for words, _ in IMAGE.findall(text)]
    assert speedup.alt in alts


def test_without_files_no_picture_is_named():
    text = markdown_report(report_of("golden"))
    assert not IMAGE.findall(text)
    assert "_files" not in text


def test_pictures_go_to_an_object_store_as_well(monkeypatch):
    names = []
    store = ResultsStore("somewhere")
    monkeypatch.setattr(
        ResultsStore, "write_text", lambda self, name, text: names.append(name) or name
    )
    report = report_of("one_size")
    write_markdown(report, store, "report.md")
    assert names == [*(f"report_files/{x.key}.svg" for x in report.pictures), "report.md"]
