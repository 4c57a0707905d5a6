"""Rows of a picture as a drawing reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ray_bench.report.picture import Datum
from ray_bench.report.picture_fields import shown

Row = Mapping[str, Datum]

_ZERO = re.compile(r"[+-]0\.0(?!\d)")
_MINUS, _TIMES = re.compile(r"(?<![\w.])-(?=\d)"), re.compile(r"(?<=\d)x\b")


def number(row: Row, name: str) -> float | None:
    """Return a field that is a number, None where it is unknown."""
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else None


def known(row: Row, name: str) -> float:
    """Return a field that every such row has."""
    value = number(row, name)
    assert value is not None, name
    return value


def bounds(row: Row, name: str) -> tuple[float, float] | None:
    """Return the interval of a field, None where there is none."""
    low, high = number(row, f"{name}_low"), number(row, f"{name}_high")
    return None if low is None or high is None else (low, high)


def numbers(rows: Sequence[Row], *names: str) -> list[float]:
    """Return all known numbers of some fields."""
    found = (number(row, name) for row in rows for name in names)
    return [x for x in found if x is not None]


def distinct(rows: Sequence[Row], name: str) -> list[Any]:
    """Return the values of a field in order of appearance, also None."""
    return list(dict.fromkeys(row.get(name) for row in rows))


def says(row: Row, name: str, *, has_interval: bool = True) -> str:
    """Return a number as text, with a sign that is read as minus and times."""
    text = shown(row, name)
    return typeset(str(text) if has_interval else text.value)


def typeset(words: str) -> str:
    """Return numbers with signs for minus and times, and no line's end before a per cent."""
    words = words.replace(" %", "\u00a0%")
    return _TIMES.sub("\u00d7", _MINUS.sub("\u2212", _ZERO.sub("0.0", words)))
