"""From a value to the text that all renderers show. The only place where numbers are rounded."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from ray_bench.report.cells import Cell, Unit, estimate
from ray_bench.stats.estimate import Estimate

UNKNOWN = "-"
LEGEND = (
    "Numbers after a value: its 95 % interval. At most three digits, fewer where the interval is "
    "wide. -: unknown or not applicable."
)
#: Significant digits of a value; the JSON report has all of them.
_DIGITS = 3
#: An interval spans at most so many units of the last digit: `9 (7 to 14)`, not `9.15`.
_MAX_UNITS = 40
#: Decimals beyond these are worth nothing, whatever the digits.
_MAX_DECIMALS = {"frac": 1, "points": 1, "change": 1, "MHz": 0, "degC": 0}
_MOST_DECIMALS = 8
_KIB = 2**10
_GIB = 2**30
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as text: `1.79x`, `1.71 to 1.88`."""

    value: str
    interval: str = ""
    bare: str = ""  # the value without its unit, where it is a number

    def __str__(self) -> str:
        """Return all of it on one line."""
        return f"{self.value} ({self.interval})" if self.interval else self.value


#: factor, suffix: what a number is multiplied with, and what is written behind it.
Scale = tuple[float, str]


def show(cell: Cell) -> Shown:
    """Return a cell as text: three digits at most, fewer where its interval is wide.

    The bounds have the value's unit and decimals.
    """
    if cell.value is None:
        return Shown(UNKNOWN)
    if isinstance(cell.value, str):
        return Shown(clean(cell.value))
    if cell.unit == "prob":
        return Shown(_probability(float(cell.value)))
    if cell.unit == "lr":
        return Shown(f"{cell.value:.6g}")
    factor, suffix = _SCALES[cell.unit or "count"](float(cell.value))
    if cell.unit == "money":
        suffix = f" {clean(cell.currency or '')}".rstrip()
    decimals = _decimals(cell, factor)
    sign = "+" if cell.unit in ("points", "change") else ""
    bare = _rounded(cell.value * factor, decimals, sign)
    if cell.low is None or cell.high is None:
        return Shown(f"{bare}{suffix}", bare=bare)
    low, high = (_rounded(bound * factor, decimals, sign) for bound in (cell.low, cell.high))
    return Shown(f"{bare}{suffix}", f"{low} to {high}", bare)


def _rounded(value: float, decimals: int, sign: str) -> str:
    return f"{round(value, decimals):{sign}z.{max(0, decimals)}f}"


def seconds(value: float) -> str:
    """Return a duration as text."""
    return show(Cell(value, "s")).value


def on_axis(value: float, unit: Unit) -> str:
    """Return the label of a tick: `10 ms`, without the zeros that say how exact a number is."""
    _, suffix = _SCALES[unit](value)
    return f"{float(show(Cell(value, unit)).bare):g}{suffix}"


def in_words(value: Estimate, unit: Unit) -> str:
    """Return `1.79x (95 % interval 1.71 to 1.88)`."""
    shown = show(estimate(value, unit))
    return f"{shown.value} (95 % interval {shown.interval})" if shown.interval else shown.value


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
    """Return how many decimals are shown; below 0 where whole tens or hundreds are all there is."""
    value = abs(float(cell.value or 0)) * factor
    if cell.kind is None and value == int(value) and cell.unit in ("count", "bytes", None):
        return 0  # what was asked for is exact
    most = _MAX_DECIMALS.get(cell.unit or "", _MOST_DECIMALS)
    if cell.unit == "count" and value >= 1:
        most = 1
    if cell.unit == "money" and (value >= 1 or value == 0):
        most = 2
    if cell.low is None or cell.high is None or cell.high <= cell.low:
        plain = 0 if most == _MOST_DECIMALS else most
        return min(most, _leading(value) + _DIGITS - 1) if value else plain
    wanted = math.floor(math.log10(_MAX_UNITS / ((cell.high - cell.low) * factor)))
    if not value:
        return min(most, wanted)
    # The first digits of the value, and of a bound near it, stay however wide the interval is.
    near = [x for x in (value, cell.low * factor) if x >= value / 10]
    return min(most, _leading(value) + _DIGITS - 1, max(wanted, *map(_leading, near)))


def _leading(value: float) -> int:
    """Return the decimals of a number's first digit: 2 of 0.01, -3 of 1000."""
    return -math.floor(math.log10(value))


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
