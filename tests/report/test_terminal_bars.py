"""Bars of the speedup curve on a terminal: as long as their numbers, within the width."""

import io

import pytest
from rich.console import Console

from ray_bench.report.terminal_bars import print_bars
from tests.report.reports import report_of

SIZES = [1, 2, 4, 8]


def bars(case, width=80, encoding="utf-8"):
    (picture,) = (x for x in report_of(case).pictures if x.key == "speedup")
    sink = io.BytesIO()
    console = Console(file=io.TextIOWrapper(sink, encoding=encoding), width=width)
    print_bars(picture, console)
    console.file.flush()
    return sink.getvalue().decode(encoding).splitlines()


def test_a_bar_is_as_long_as_its_speedup_and_the_rest_is_missing_to_the_ideal():
    lines = bars("strong")
    assert lines[1] == "Speedup against workers"
    for line, size in zip(lines[2:6], SIZES, strict=True):
        label, value, bar = line.split()
        assert int(label) == size
        measured, missing = bar.count("█"), bar.count("░")
        assert measured + missing == round(60 * size / 8)
        assert measured == round(60 * float(value.removesuffix("x")) / 8)
    assert "missing to ideal" in lines[6]


def test_superlinear_bars_go_beyond_the_ideal():
    lines = bars("superlinear")
    bar = lines[5].split()[2]
    assert bar.count("▓") > 0
    assert bar.count("░") == 0
    assert "▓ beyond ideal" in lines[6]


def test_points_without_a_claim_are_marked():
    lines = bars("oversubscribed")
    assert [("?" in line) for line in lines[2:6]] == [False, True, True, True]
    assert "? no claim" in lines[6]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_bars_do_not_wrap(width):
    lines = bars("strong", width=width)
    assert max(map(len, lines[:6])) <= width
    assert len([x for x in lines if x[:1].isdigit()]) == len(SIZES)


def test_a_terminal_without_blocks_gets_plain_characters():
    lines = bars("strong", encoding="ascii")
    assert lines[5].split()[2].strip("#.") == ""
    assert "# measured" in lines[6]


def test_other_pictures_have_no_bars():
    console = Console(file=io.StringIO())
    for picture in report_of("strong").pictures:
        if picture.key != "speedup":
            print_bars(picture, console)
    assert console.file.getvalue() == ""
