"""What was measured: which column, in which unit, and of whom; all rows in one unit."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ray_bench.errors import AnalysisError
from ray_bench.reading.choices import QUANTITIES, Choices
from ray_bench.reading.decimals import Mark
from ray_bench.reading.numbers import Number, is_long_clock, is_nothing, is_short_clock, number_of
from ray_bench.reading.sizes import Sizes
from ray_bench.reading.synonyms import Meaning, Role, meaning_of, words_of
from ray_bench.reading.table import Table, listed, options, shown
from ray_bench.reading.vocabulary import SECONDS

#: Columns that say the same differ by so much, from rounding.
_SAME_FRAC = 0.03
#: An efficiency above that is one in per cent.
_MOST_EFFICIENT = 3.0
#: Behind a time, m are minutes.
_IN_CELLS = {**SECONDS, "m": 60.0}
_RATES = ("rate", "sample_time")
_STEPS = ("step_rate", "step_time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number a row, all of one kind.

    Rates are of all workers and in 1/s, those of steps as the time of one; times in seconds, or in
    the file's own unit where it does not tell which; speedups and efficiencies as ratios.
    """

    column: str
    meaning: Meaning
    values: list[float | None]  # None: a run without a number


def quantity_of(
    table: Table, found: Mapping[str, Meaning], sizes: Sizes, mark: Mark, choices: Choices
) -> Quantity:
    """Return what the curve is made of.

    Raises:
        AnalysisError: No column holds it, or several may.
    """
    candidates = [x for x in found if found[x].role in QUANTITIES and _has_numbers(table, x, mark)]
    if not candidates:
        raise AnalysisError(
            f"{table.name} has no column that is known to hold what was measured (images/s, "
            f"step_time_ms, s/epoch, speedup); its columns are: {table.shown_columns}. Name it "
            "with --column throughput=NAME, step_time_s=NAME, epoch_time_s=NAME or speedup=NAME."
        )
    for family in QUANTITIES:
        names = [x for x in candidates if found[x].role == family]
        if names and family == "time":
            raise _which_time(table, names[0])
        if names:
            return _chosen([_read(table, x, found, sizes, mark, choices) for x in names], table)
    raise AssertionError("every candidate has a family")


def _which_time(table: Table, name: str) -> AnalysisError:
    times = [f"{x}={name}" for x in ("step_time_s", "epoch_time_s", "total_time_s")]
    return AnalysisError(
        f"{table.name}: column {name!r} may be the time of a step, of an epoch or of a whole job, "
        f"and the curves differ. Choose with {options('--column', *times)} (there are also "
        "step_time_ms, epoch_time_min, total_time_h and the like)."
    )


def _has_numbers(table: Table, column: str, mark: Mark) -> bool:
    cells = [x for x in table.columns[column][:1000] if not is_nothing(x)]
    numbers = sum(1 for x in cells if number_of(x, mark) is not None or is_short_clock(x))
    return 2 * numbers >= len(cells) > 0


def _read(
    table: Table,
    column: str,
    found: Mapping[str, Meaning],
    sizes: Sizes,
    mark: Mark,
    choices: Choices,
) -> Quantity:
    """Return the numbers of a column, each by the unit that its cell, its row or its header has."""
    header = found[column]
    if choices.per is not None and header.role in _RATES:
        header = replace(header, per=choices.per)
    units = next((table.columns[x] for x, y in found.items() if y.role == "unit"), None)
    values: list[float | None] = []
    common: Meaning | None = None
    for row, number in enumerate(_numbers(table, column, mark)):
        if number is None:
            values.append(None)
            continue
        unit = "" if units is None or is_nothing(units[row]) else str(units[row])
        meaning = header
        if unit or number.unit:
            meaning = _of_cell(table, column, row, header, number.unit, unit)
        if meaning is not common:
            common = _agreed(table, column, row, common, meaning)
        values.append(_base(number.value, meaning, number.unit))
    if common is None:
        return Quantity(column=column, meaning=header, values=values)
    return _complete(Quantity(column=column, meaning=common, values=values), table, sizes)


def _complete(found: Quantity, table: Table, sizes: Sizes) -> Quantity:
    """Return rates of all workers, and efficiencies as shares.

    Raises:
        AnalysisError: Nothing tells the unit of step times, or how many workers a rate is of.
    """
    role, values = found.meaning.role, found.values
    if role == "step_time" and found.meaning.seconds is None:
        names = [f"{x}={found.column}" for x in ("step_time_s", "step_time_ms")]
        raise AnalysisError(
            f"{table.name}: nothing says the unit of {found.column!r}. Choose with "
            f"{options('--column', *names)}."
        )
    if role in _RATES:
        values = _totals(table, values, found.meaning, sizes)
    if role == "efficiency" and max(x for x in values if x is not None) > _MOST_EFFICIENT:
        values = [None if x is None else x / 100 for x in values]  # per cent, without saying so
    return replace(found, values=values)


def _numbers(table: Table, column: str, mark: Mark) -> Iterator[Number | None]:
    """Yield the number of every row, None where a run has none."""
    cells = table.columns[column]
    has_hours = any(is_long_clock(x) for x in cells)
    for row, cell in enumerate(cells):
        if has_hours and is_short_clock(cell):  # beside 1:02:03, 59:30 are minutes and seconds
            yield _number(table, column, row, f"0:{cell.strip()}", mark)
        else:
            yield _number(table, column, row, cell, mark)


def _number(table: Table, column: str, row: int, cell: object, mark: Mark) -> Number | None:
    if is_nothing(cell):
        return None
    number = number_of(cell, mark)
    if number is not None and 0 < number.value < math.inf:
        return number
    if is_short_clock(cell):
        raise AnalysisError(
            f"{table.where(row)}: {column} {shown(cell)} may be minutes and seconds, or hours and "
            "minutes; write it as h:m:s."
        )
    if number is None:
        raise AnalysisError(f"{table.where(row)}: {column} has to be a number, got {shown(cell)}.")
    raise AnalysisError(
        f"{table.where(row)}: {column} has to be a number above 0, got {number.value:g}; leave out "
        "runs that failed."
    )


class _UnknownUnitError(ValueError):
    """A unit says nothing about a quantity."""


def _of_cell(
    table: Table, column: str, row: int, header: Meaning, cell_unit: str, row_unit: str
) -> Meaning:
    try:
        return _meaning(header, cell_unit, row_unit)
    except _UnknownUnitError as err:
        raise AnalysisError(
            f"{table.where(row)}: {column} {shown(table.columns[column][row])} has the unit "
            f"{shown(str(err))}, which is not known for the {_named(header)}; write the number "
            "alone, with ms, s, min or h behind a time."
        ) from None


@functools.lru_cache(maxsize=256)
def _meaning(header: Meaning, cell_unit: str, row_unit: str) -> Meaning:
    """Return what a number is, by the nearest unit that is told."""
    for text in (cell_unit, row_unit):
        found = _of_unit(header, text)
        if found is not None:
            return found
    return header


def _of_unit(header: Meaning, text: str) -> Meaning | None:
    """Return what `images/s`, `ms`, `s/it`, `x` or `%` says of a number; None: nothing."""
    if text in ("%", "x", "X", "\u00d7"):  # of a throughput it is a multiple of the first one
        return Meaning("speedup") if header.role == "rate" else None
    words = words_of(text)
    if not words:
        return None
    if words[0] in _IN_CELLS and len(words) == 1 and "time" in header.role:
        return replace(header, seconds=_IN_CELLS[words[0]])
    meaning = meaning_of(text)
    if meaning is None or meaning.role not in QUANTITIES:
        if header.role != "rate":
            raise _UnknownUnitError(text)
        return replace(header, unit=text)
    per = meaning.per or (header.per if meaning.role in _RATES else None)
    return replace(meaning, per=per)


def _base(value: float, meaning: Meaning, cell_unit: str) -> float:
    """Return a number per second, in seconds (steps in any case), or as a ratio."""
    seconds = meaning.seconds or 1.0
    if meaning.role == "rate":
        return value / seconds
    if meaning.role == "step_rate":
        return seconds / value
    if meaning.role == "sample_time":
        return 1 / (value * seconds)
    if meaning.role in ("speedup", "efficiency"):
        return value / 100 if cell_unit.startswith("%") else value
    return value * seconds


def _agreed(table: Table, column: str, row: int, before: Meaning | None, now: Meaning) -> Meaning:
    """Return what all rows so far are; units of one kind are one after conversion."""
    if before is None or _kind(before) == _kind(now):
        return now if before is None else before
    raise AnalysisError(
        f"{table.where(row)}: {column} mixes the units {_named(before)} and {_named(now)}; convert "
        "them to one."
    )


def _kind(meaning: Meaning) -> tuple[object, ...]:
    role = "steps" if meaning.role in _STEPS else "rate" if meaning.role in _RATES else meaning.role
    return (role, meaning.unit, meaning.per, meaning.seconds is None)


def _named(meaning: Meaning) -> str:
    if meaning.role in _RATES:
        return f"{meaning.unit or 'no unit'}/s" + (f" per {meaning.per}" if meaning.per else "")
    return meaning.role.replace("_", " ")


def _totals(
    table: Table, values: list[float | None], meaning: Meaning, sizes: Sizes
) -> list[float | None]:
    """Return rates of all workers."""
    if meaning.per not in ("worker", "node"):
        return values
    if meaning.per == "worker" and sizes.is_nodes:
        raise AnalysisError(
            f"{table.name} gives a rate per worker but counts nodes; give --workers-per-node."
        )
    counts = sizes.workers if meaning.per == "worker" else sizes.nodes
    if counts is None:
        raise AnalysisError(f"{table.name} gives a rate per node but has no number of nodes.")
    pairs = zip(values, counts, strict=True)
    return [None if x is None or n is None else x * n for x, n in pairs]


def _chosen(found: Sequence[Quantity], table: Table) -> Quantity:
    """Return one of several columns of a kind, where they draw the same curve.

    Raises:
        AnalysisError: They draw different ones.
    """
    ranks = ("total", None, "worker", "node")
    first, *others = sorted(
        found, key=lambda x: (not x.meaning.is_sure, ranks.index(x.meaning.per))
    )
    for other in others:
        if first.meaning.is_sure and not other.meaning.is_sure:
            continue
        pairs = zip(first.values, other.values, strict=True)
        ratios = [a / b for a, b in pairs if a is not None and b is not None]
        if not _is_same(first.meaning, other.meaning, ratios):
            names = [x.column for x in found]
            what = {"rate": "throughput", "sample_time": "throughput"}.get(
                first.meaning.role, _option(first.meaning.role)
            )
            raise AnalysisError(
                f"{table.name}: {listed(names)} may be what was measured, and their curves differ. "
                f"Choose with {options('--column', *(f'{what}={x}' for x in names))}."
            )
        if first.meaning.per is None and ratios and other.meaning.per == "worker":
            first = replace(first, meaning=replace(first.meaning, per="total"))
    return first


def _is_same(first: Meaning, other: Meaning, ratios: Sequence[float]) -> bool:
    """Whether two columns tell one thing: equal numbers, or images and the tokens of them."""
    if not ratios:
        return True
    low, high = min(ratios), max(ratios)
    if first.unit == other.unit and not (low > 1 / (1 + _SAME_FRAC) and high < 1 + _SAME_FRAC):
        return False
    return high <= low * (1 + _SAME_FRAC)


def _option(role: Role) -> str:
    times = ("step_time", "epoch_time", "total_time")
    return f"{role}_s" if role in times else "iterations_per_s" if role == "step_rate" else role
