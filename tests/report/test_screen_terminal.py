"""The first screen on a terminal: the curve over its numbers, within the width, the answer last."""

import io

import pytest
from rich.console import Console

from ray_bench.errors import ConfigError
from ray_bench.report.format import show
from ray_bench.report.screen_terminal import print_screens
from ray_bench.report.screens.spoken import lead_words
from ray_bench.report.terminal import print_fold
from tests.report.reports import CASES, report_of

OPEN = "ray-bench report results --sweep s --fold"


def printed(case, width=80, encoding="utf-8"):
    sink = io.BytesIO()
    console = Console(file=io.TextIOWrapper(sink, encoding=encoding), width=width)
    print_screens(report_of(case), console, how_to_open=OPEN, whole="all")
    console.file.flush()
    return sink.getvalue().decode(encoding).splitlines()


@pytest.mark.parametrize("case", ["golden", *CASES])
def test_the_answer_comes_last_and_nothing_is_wider_than_the_terminal(case):
    report, lines = report_of(case), printed(case)
    assert max(len(x) for x in lines if not x.startswith("  ray-bench ")) <= 80
    end = " ".join(" ".join(lines[-12:]).split())
    assert end.endswith(f"{lead_words(report.screens[-1].answer)}.")
    assert len(lines) < 110 * len(report.screens)


def test_a_point_stands_over_its_number():
    lines = printed("golden")
    (head,) = (line for line in lines if line.startswith("Workers"))
    (values,) = (lines[i + 1] for i, x in enumerate(lines) if x.startswith("Speedup  "))
    rows = [line for line in lines if "●" in line or "○" in line]
    marks = [(line.index(c), c) for line in rows[:-1] for c in "●○" if c in line]
    speedup = report_of("golden").screens[0].numbers.quantities[0]
    for size, cell, (column, mark) in zip(
        report_of("golden").screens[0].numbers.sizes, speedup.cells, sorted(marks), strict=True
    ):
        assert head[column - 1 : column + 2].strip() == str(size.world_size)
        assert mark == ("●" if size.is_measured else "○")
        assert values[column - 5 : column + 5].strip() == show(cell).value


def test_a_larger_speedup_stands_higher_and_an_interval_is_a_bar():
    lines = [line for line in printed("golden") if line[7:8] in ("┤", "│")]
    points = {line.index(c): i for i, line in enumerate(lines) for c in "●○" if c in line}
    rows = [row for _, row in sorted(points.items())]
    assert rows == sorted(rows, reverse=True)
    column, row = max(points.items())
    assert [lines[row + step][column : column + 1] for step in (-1, 1)] == ["│", "│"]


def test_a_terminal_without_unicode_gets_plain_characters():
    lines = printed("golden", encoding="ascii")
    assert any("# measured, o forecast, | 95 % interval, dotted ideal" in x for x in lines)
    assert sum("#" in line for line in lines if "x |" in line) >= 1


def test_what_carries_no_claim_is_drawn_and_said():
    lines = printed("oversubscribed")
    assert any("◌ no claim" in line for line in lines)
    assert any(line.split() == ["measured", *["no", "claim"] * 3] for line in lines), lines


def test_one_world_size_draws_no_curve():
    assert not any("┤" in line for line in printed("one_size"))


def test_where_numbers_are_continued_below_the_curve_stays_whole():
    lines = printed("golden", width=50)
    curve, *tables = [line.split()[1:] for line in lines if line.startswith("Workers")]
    assert curve == ["1", "2", "4", "8", "16", "32"]
    assert [size for table in tables for size in table] == curve
    assert len(tables) > 1


def test_every_topic_is_named_with_the_command_that_opens_it():
    lines = printed("golden")
    at = lines.index(f"More: {OPEN} KEY")
    keys = [line.split()[0] for line in lines[at + 1 :] if line.startswith("  ") and line[2] != " "]
    report = report_of("golden")
    assert keys[: len(report.folds) + 1] == [*(fold.key for fold in report.folds), "all"]
    console = Console(file=io.StringIO(), width=100)
    for fold in report.folds:
        print_fold(report, fold.key, console)
    for fold in report.folds:
        assert fold.title in console.file.getvalue()
    with pytest.raises(ConfigError, match="no fold 'nope'; there are: numbers, "):
        print_fold(report, "nope", console)
