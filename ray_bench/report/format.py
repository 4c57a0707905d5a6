"""From a value to the text that all renderers show. The only place where numbers are rounded."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from ray_bench.report.cells import Cell

UNKNOWN = "-"
MARKS = {"predicted": "p", "derived": "d"}
LEGEND = (
    "p: predicted by a fitted law. d: derived, a measurement times something that was not measured "
    "with it. No mark: measured, or asked for. Numbers after a value: its 95 % interval. "
    "-: unknown or not applicable."
)
_DIGITS = 4
_KIB = 2**10
_GIB = 2**30
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as text: `1.79x`, `1.71 to 1.88`, `p`."""

    value: str
    interval: str = ""
    mark: str = ""

    def __str__(self) -> str:
        """Return all of it on one line."""
        mark = f" {self.mark}" if self.mark else ""
        return f"{self.value}{mark} ({self.interval})" if self.interval else f"{self.value}{mark}"


#: factor, suffix: what a number is multiplied with, and what is written behind it.
Scale = tuple[float, str]


def show(cell: Cell) -> Shown:
    """Return a cell as text. The bounds have the value's unit and at least its decimals."""
    if cell.value is None:
        return Shown(UNKNOWN)
    if isinstance(cell.value, str):
        return Shown(clean(cell.value))
    factor, suffix = _SCALES[cell.unit or "count"](float(cell.value))
    if cell.unit == "money":
        suffix = f" {clean(cell.currency or '')}".rstrip()
    decimals = _decimals(cell, factor)
    mark = MARKS.get(cell.kind or "", "")
    sign = "+" if cell.unit in ("points", "change") else ""
    if cell.unit == "prob":
        return Shown(_probability(float(cell.value)))
    if cell.unit == "lr":
        return Shown(f"{cell.value:.6g}", mark=mark)
    value = f"{cell.value * factor:{sign}z.{decimals}f}{suffix}"
    if cell.low is None or cell.high is None:
        return Shown(value, mark=mark)
    low, high = (f"{bound * factor:{sign}z.{decimals}f}" for bound in (cell.low, cell.high))
    return Shown(value, f"{low} to {high}", mark)


def seconds(value: float) -> str:
    """Return a duration as text."""
    return show(Cell(value, "s")).value


def points_lost(value: float) -> str:
    """Return what was lost of an efficiency: `9.9 points`."""
    return f"{100 * value:.1f} points"


def clean(words: str) -> str:
    """Return text on one line, without control characters: it may come from anywhere."""
    if words.isprintable():  # no control character, and of all white space only the blank
        return words
    return "".join(" " if ch.isspace() else ch for ch in words if _is_shown(ch) or ch.isspace())


def clean_line(line: str) -> str:
    """Return a line of code without control characters, its indentation kept."""
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + clean(line[indent:])


def _is_shown(ch: str) -> bool:
    return not unicodedata.category(ch).startswith("C")


def _probability(value: float) -> str:
    """Return a probability from draws: whole per cents, and no certainty."""
    if value < 0.01:
        return "<1 %"
    return ">99 %" if value > 0.99 else f"{100 * value:.0f} %"


def _decimals(cell: Cell, factor: float) -> int:
    value = abs(float(cell.value or 0)) * factor
    if cell.unit == "count":
        return 0 if value == int(value) else 1 if value >= 1 else 3
    if cell.unit == "bytes" and cell.kind is None and value == int(value):
        return 0
    if cell.unit in ("MHz", "degC"):
        return 0
    if cell.unit in ("frac", "points", "change"):
        return 1
    if cell.unit == "money":
        return 2 if value >= 1 or value == 0 else min(8, 2 - math.floor(math.log10(value)))
    digits = 3 if cell.unit in ("x", "GB/s") else _DIGITS
    if value == 0:
        return 0
    return max(0, min(8, digits - 1 - math.floor(math.log10(value))))


def _seconds(value: float) -> Scale:
    size = abs(value)
    if size < 1e-3:
        return 1e6, " us"
    if size < 1:
        return 1e3, " ms"
    if size < 600:
        return 1, " s"
    return (1 / 60, " min") if size < 7200 else (1 / 3600, " h")


def _worker_seconds(value: float) -> Scale:
    return (1, " s") if abs(value) < 60 else (1 / 60, " min")


def _bytes(value: float) -> Scale:
    size = abs(value)
    if size >= _GIB:
        return 1 / _GIB, " GiB"
    if size >= _MIB:
        return 1 / _MIB, " MiB"
    return (1 / _KIB, " KiB") if size >= _KIB else (1, " B")


def _gb_per_s(value: float) -> Scale:
    size = abs(value)
    if size >= 0.1 or size == 0:
        return 1, " GB/s"
    return (1e3, " MB/s") if size >= 1e-4 else (1e6, " kB/s")


def _joules(value: float) -> Scale:
    return (1, " J") if abs(value) < 1e4 else (1e-3, " kJ")


_SCALES: dict[str, Callable[[float], Scale]] = {
    "s": _seconds,
    "x": lambda _: (1, "x"),
    "frac": lambda _: (100, " %"),
    "prob": lambda _: (100, " %"),
    "points": lambda _: (100, " pp"),
    "change": lambda _: (100, " %"),
    "samples/s": lambda _: (1, ""),
    "tokens/s": lambda _: (1, ""),
    "bytes": _bytes,
    "GB/s": _gb_per_s,
    "s/byte": lambda _: (1e9, " ns/B"),
    "FLOP": lambda x: (1e-9, " GFLOP") if x >= 1e9 else (1e-6, " MFLOP"),
    "FLOP/s": lambda _: (1e-12, " TFLOP/s"),
    "MHz": lambda _: (1, " MHz"),
    "degC": lambda _: (1, " C"),
    "J": _joules,
    "worker_s": _worker_seconds,
    "money": lambda _: (1, ""),
    "count": lambda _: (1, ""),
    "lr": lambda _: (1, ""),
    "loss": lambda _: (1, ""),
}
