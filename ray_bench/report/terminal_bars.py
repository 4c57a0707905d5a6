"""The speedup curve as bars of text: what was measured, and what is missing to the ideal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from ray_bench.report.cells import Cell
from ray_bench.report.format import clean, show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.scaling import IDEAL, MEASURED, NO_CLAIM

_LONGEST = 60
_GAP = "  "
_NO_CLAIM_MARK = "?"


@dataclass(frozen=True, slots=True)
class _Marks:
    """Characters, each of one column: they differ without colour."""

    measured: str
    missing: str
    beyond: str


_BLOCKS, _ASCII = _Marks("█", "░", "▓"), _Marks("#", ".", "+")


@dataclass(frozen=True, slots=True)
class _Bar:
    world_size: int
    speedup: float
    ideal: float
    has_claim: bool

    @property
    def label(self) -> str:
        shown = show(Cell(self.speedup, "x")).value
        return shown if self.has_claim else f"{shown} {_NO_CLAIM_MARK}"


def print_bars(picture: Picture, console: Console) -> None:
    """Print the measured speedups of a picture; nothing if it is about something else."""
    bars = _bars(picture)
    if not bars:
        return
    marks = _ASCII if console.options.ascii_only else _BLOCKS
    sizes = [str(bar.world_size) for bar in bars]
    head = max(map(len, sizes)) + len(_GAP) + max(len(bar.label) for bar in bars) + len(_GAP)
    room = max(1, min(_LONGEST, console.width - head))
    longest = max(max(bar.speedup, bar.ideal) for bar in bars)
    console.print()
    console.print(Text(clean(picture.title), style="bold"))
    for bar, size in zip(bars, sizes, strict=True):
        line = Text(size.rjust(max(map(len, sizes))) + _GAP, no_wrap=True)
        line.append(bar.label.ljust(max(len(x.label) for x in bars)) + _GAP)
        for part, style in _parts(bar, marks, room / longest):
            line.append(part, style=style)
        console.print(line)
    console.print(Text(_legend(bars, marks), style="italic"))


def _bars(picture: Picture) -> list[_Bar]:
    """Return the measured world sizes with their ideal speedups."""
    if "speedup" not in picture.rows[0] or "series" not in picture.rows[0]:
        return []
    by_series = {
        series: {
            int(row["world_size"] or 0): _number(row)
            for row in picture.rows
            if row["series"] == series
        }
        for series in (IDEAL, MEASURED, NO_CLAIM)
    }
    bars = [
        _Bar(size, value, by_series[IDEAL][size], series == MEASURED)
        for series in (MEASURED, NO_CLAIM)
        for size, value in by_series[series].items()
    ]
    return sorted(bars, key=lambda bar: bar.world_size)


def _number(row: Mapping[str, Datum]) -> float:
    return float(row["speedup"] or 0.0)


def _parts(bar: _Bar, marks: _Marks, columns_per_x: float) -> list[tuple[str, str]]:
    """Return the pieces of a bar and their styles; the colour repeats what the characters say."""
    own, ideal = (round(x * columns_per_x) for x in (bar.speedup, bar.ideal))
    return [
        (marks.measured * min(own, ideal), "cyan"),
        (marks.missing * (ideal - own), "dim"),
        (marks.beyond * (own - ideal), "green"),
    ]


def _legend(bars: list[_Bar], marks: _Marks) -> str:
    words = [f"{marks.measured} measured", f"{marks.missing} missing to ideal speedup"]
    if any(bar.speedup > bar.ideal for bar in bars):
        words.append(f"{marks.beyond} beyond ideal")
    if not all(bar.has_claim for bar in bars):
        words.append(f"{_NO_CLAIM_MARK} no claim")
    return f"Workers, speedup. {', '.join(words)}."
