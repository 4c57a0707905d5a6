"""A report that travels in a job's log."""

from __future__ import annotations

import random

import pytest

from ray_bench.cli import entry
from ray_bench.cli.parcel import Unpacker, pack, run_and_pack
from ray_bench.errors import StoreError

CONTENT = random.Random(0).randbytes(5000)


def log_with(name: str, content: bytes) -> str:
    return "".join(f"{line}\n" for line in ["before", *pack(name, content), "after"])


def unpacked(text: str, piece: int = 7) -> tuple[Unpacker, str]:
    seen: list[str] = []
    unpacker = Unpacker(seen.append)
    for start in range(0, len(text), piece):
        unpacker(text[start : start + piece])
    unpacker.close()
    return unpacker, "".join(seen)


@pytest.mark.parametrize("piece", [1, 7, 1000, 10**6])
def test_a_file_arrives_whole_however_the_log_is_cut_and_the_log_shows_none_of_it(piece):
    unpacker, shown = unpacked(log_with("report.html", CONTENT), piece)
    assert unpacker.files == {"report.html": CONTENT}
    assert shown == "before\nafter\n"


def test_a_log_without_a_file_is_shown_as_it_is():
    unpacker, shown = unpacked("one\n\ntwo, without an end")
    assert (unpacker.files, shown) == ({}, "one\n\ntwo, without an end")


def test_lines_are_short_enough_for_the_log_server():
    assert max(map(len, pack("report.html", CONTENT))) < 1000


def test_a_file_name_from_a_log_is_not_trusted():
    unpacker, shown = unpacked(log_with("../../etc/passwd", b"x"))
    assert unpacker.files == {}
    assert "../../etc/passwd" in shown


@pytest.mark.parametrize("drop", [0, -2])
def test_a_file_that_lost_a_line_is_refused(drop):
    lines = list(pack("report.html", CONTENT))
    del lines[drop]
    with pytest.raises(StoreError, match=r"report\.html came damaged"):
        unpacked("\n".join([*lines, ""]))


def test_a_file_that_ends_early_is_refused():
    lines = list(pack("report.html", CONTENT))[:-1]
    with pytest.raises(StoreError, match=r"in part only: report\.html"):
        unpacked("\n".join([*lines, ""]))


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Call the job's program, with one in place of `ray-bench run` that leaves these reports."""

    def call(code: int, *, before: str | None, after: str | None) -> set[str]:
        def write(text):
            if text is not None:
                (tmp_path / "report.html").write_text(text)

        def program(arguments):
            write(after)
            raise SystemExit(code)

        write(before)
        monkeypatch.setattr(entry, "main", program)
        with pytest.raises(SystemExit) as end:
            run_and_pack(["run", "demo", "--results", str(tmp_path)])
        assert end.value.code == code
        return set(unpacked(capsys.readouterr().out)[0].files.values())

    return call


def test_the_job_packs_its_report_and_keeps_its_exit_code(run):
    assert run(0, before=None, after="new") == {b"new"}
    assert run(1, before="old", after="new, of which some runs failed") == {
        b"new, of which some runs failed"
    }


def test_the_report_of_an_earlier_sweep_is_not_sent_for_a_job_that_made_none(run):
    assert run(1, before="old", after=None) == set()
    assert run(0, before="the same", after="the same") == {b"the same"}
