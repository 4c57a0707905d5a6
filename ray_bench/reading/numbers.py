"""From a cell to a number: `1.2k`, `95 %`, `1.98 X`, `5 images/s`, `0:06:48.60`, `23h 15m`."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass

from ray_bench.reading.decimals import Mark

#: What people write where a run gave no number.
_NOTHING_WORDS = (
    "- -- --- \u2013 \u2014 n/a na n.a. nan none null nil oom failed fail error crash crashed "
    "timeout skipped tbd ? x / . #n/a #div/0! #value! #ref! #name? #num!"
)
_NOTHING = frozenset(("", *_NOTHING_WORDS.split()))
_NUMBER = re.compile(
    r"[~\u2248]?\s*([+-]?(?:\d[\d.,'\u2019 \u00a0\u202f_]*|[.,]\d+)(?:[eE][+-]?\d+)?)"
)
_SPREAD = re.compile(r"\s*(?:\u00b1|\+/-|\+-)\s*[\d.,]+(?:[eE][+-]?\d+)?")
_CLOCK = re.compile(r"(?:(\d+)\s*[:d]\s*)?(\d+):(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_SHORT_CLOCK = re.compile(r"(\d+):(\d{1,2}(?:[.,]\d+)?)")
_SPAN = re.compile(
    r"(?:(\d+)\s*d(?:ays?)?)?\s*(?:(\d+)\s*h(?:ours?|rs?|r)?)?\s*(?:(\d+)\s*m(?:in(?:utes?|s)?)?)?"
    r"\s*(?:(\d+(?:[.,]\d+)?)\s*s(?:ec(?:onds?|s)?)?)?"
)
_MULTIPLES = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}
_DAY_S, _HOUR_S, _MINUTE_S = 86_400.0, 3_600.0, 60.0


@dataclass(frozen=True, slots=True)
class Number:
    """A number with what was written behind it."""

    value: float
    unit: str = ""  # "images/s", "ms", "%", "x"; "s" for a clock or a span of time


def is_nothing(cell: object) -> bool:
    """Whether a cell says that there is no number: blank, NaN, `-`, `OOM`, `failed`."""
    if isinstance(cell, str):
        return not cell or cell.strip().lower() in _NOTHING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def number_of(cell: object, mark: Mark) -> Number | None:
    """Return what a cell says, None where it is no number.

    Args:
        cell: As it is in the file.
        mark: The decimal mark of the file.
    """
    if isinstance(cell, bool):
        return None
    if isinstance(cell, str):
        return _of_text(cell, mark)
    if isinstance(cell, datetime.timedelta):
        return Number(cell.total_seconds(), "s")
    if isinstance(cell, datetime.time):
        of_day = datetime.timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second)
        return Number(of_day.total_seconds() + cell.microsecond / 1e6, "s")
    return _of_number(cell)


def _of_number(cell: object) -> Number | None:
    try:
        return Number(float(cell))  # type: ignore[arg-type]
    except OverflowError:
        return Number(math.inf)
    except (TypeError, ValueError):
        return None


def _of_text(cell: str, mark: Mark) -> Number | None:
    if mark == "point":
        try:
            return Number(float(cell)) if "_" not in cell else None
        except ValueError:
            pass
    text = cell.strip().strip("*`").strip()
    span = _span_s(text)
    if span is not None:
        return Number(span, "s")
    match = _NUMBER.match(text)
    if match is None:
        return None
    value = _plain(match[1], mark)
    if value is None:
        return None
    rest = _SPREAD.sub("", text[match.end() :], count=1).strip()
    if rest.startswith(":"):  # 12:34 is no number, and no span of time either
        return None
    return _with_multiple(value, rest)


def _with_multiple(value: float, rest: str) -> Number:
    first, second = rest[:1], rest[1:2]
    if first in _MULTIPLES and not second.isalpha():
        return Number(value * _MULTIPLES[first], rest[1:].strip())
    return Number(value, rest)


def _plain(digits: str, mark: Mark) -> float | None:
    """Return a number without thousands separators; None where they stand in wrong places."""
    digits = digits.rstrip(" .,'\u2019\u00a0\u202f")
    group, decimal = (",", ".") if mark == "point" else (".", ",")
    whole, sign, rest = digits.partition(decimal)
    head, *groups = re.split(rf"[{re.escape(group)}'\u2019 \u00a0\u202f_]", whole)
    if any(len(x) != 3 for x in groups) or (groups and len(head.lstrip("+-")) > 3):
        return None
    try:
        return float("".join([head, *groups]) + ("." + rest if sign else ""))
    except ValueError:
        return None


def _span_s(text: str) -> float | None:
    """Return the seconds of `h:m:s` or `2h 5m 3s`, None if it is neither."""
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        days, hours, minutes, seconds = (
            float((x or "0").replace(",", ".")) for x in clock.groups()
        )
        return days * _DAY_S + hours * _HOUR_S + minutes * _MINUTE_S + seconds
    span = _SPAN.fullmatch(text.lower())
    if span is None or sum(x is not None for x in span.groups()) < 2:
        return None
    days, hours, minutes, seconds = (float((x or "0").replace(",", ".")) for x in span.groups())
    return days * _DAY_S + hours * _HOUR_S + minutes * _MINUTE_S + seconds


def is_short_clock(cell: object) -> bool:
    """Whether a cell is `12:34`, which may be minutes and seconds, or hours and minutes."""
    return isinstance(cell, str) and _SHORT_CLOCK.fullmatch(cell.strip()) is not None


def is_long_clock(cell: object) -> bool:
    """Whether a cell is `1:02:03`: hours, minutes and seconds."""
    return isinstance(cell, str) and ":" in cell and _CLOCK.fullmatch(cell.strip()) is not None
