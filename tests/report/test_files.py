"""A Markdown report in a folder has its pictures beside it; without files it names none."""

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from ray_bench.report import charts
from ray_bench.report.files import drawn, drawn_before, write_markdown
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


def keys_of(text):
    return [re.sub(r".*/|\.svg", "", path) for _, path in IMAGE.findall(text)]


def test_pictures_stand_at_the_top_or_in_their_fold_with_words_for_them(written):
    folder, _ = written
    text = (folder / "our report.md").read_text()
    report = report_of("golden")
    top, *folds = text.split("<details>")
    (screen,) = report.screens
    first = [screen.curve.key, *(panel.picture.key for panel in screen.panels)]
    assert keys_of(top) == first
    for part, fold in zip(folds, report.folds, strict=True):
        assert f"<b>{fold.title}</b>" in part
        assert keys_of(part) == [x.key for x in fold.pictures if x.key not in first]
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


def test_pictures_that_are_the_same_are_not_drawn_again(written, monkeypatch):
    folder, _ = written
    report = report_of("golden")
    first = drawn_before(report, ResultsStore(folder), "our report.md")
    assert set(first) == {picture.key for picture in report.pictures}

    def never(*_arguments, **_options):
        raise AssertionError("drawn again")

    monkeypatch.setattr("vl_convert.vegalite_to_svg", never)
    assert drawn(report, first) == first


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('data-specification="', 'data-specification="0', 1),
        lambda text: text[: len(text) // 2],
        lambda _text: "",
    ],
)
def test_a_picture_of_something_else_is_drawn_anew(written, spoil):
    folder, _ = written
    picture = report_of("golden").pictures[0]
    store = ResultsStore(folder)
    first = drawn_before(report_of("golden"), store, "our report.md")[picture.key]
    assert charts.svg(picture, before=spoil(first)) == first
    other = replace(picture, title=f"{picture.title}, other data")
    assert "other data" in charts.svg(other, before=first)


def test_without_files_nothing_was_drawn_before(tmp_path):
    assert drawn_before(report_of("golden"), ResultsStore(tmp_path), "report.md") == {}
