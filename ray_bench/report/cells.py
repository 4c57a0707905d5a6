"""The pieces of a report: cells, tables, sections. They hold values, never formatted text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate

#: measured: a mean or a ratio of measurements. derived: a measurement times something that was not
#: measured with it (a price, a number of epochs). predicted: from a fitted law.
Kind = Literal["measured", "predicted", "derived"]

#: The unit decides how a number is formatted; see format.py.
Unit = Literal[
    "s",
    "x",
    "frac",
    "prob",
    "points",
    "change",
    "samples/s",
    "tokens/s",
    "bytes",
    "GB/s",
    "s/byte",
    "FLOP",
    "FLOP/s",
    "MHz",
    "degC",
    "J",
    "worker_s",
    "money",
    "count",
    "lr",
    "loss",
]


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with what it is; None is unknown and is never drawn as 0."""

    value: float | int | str | None
    unit: Unit | None = None  # None for text
    kind: Kind | None = None  # None for text and for what was asked for (workers, batch size)
    low: float | None = None
    high: float | None = None
    currency: str | None = None  # with unit "money"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name in JSON, and its heading."""

    key: str
    title: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under columns; notes say what the reader must know about them."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()  # keys of columns that are not drawn where all is unknown
    is_drawn: bool = True  # False: title and notes say all there is; JSON has the rows

    @property
    def drawn(self) -> Table:
        """Return the table as it is drawn: without optional columns of which nothing is known."""
        kept = [i for i, x in enumerate(self.columns) if x.key not in self.optional or self._any(i)]
        rows = tuple(tuple(row[i] for i in kept) for row in self.rows) if self.is_drawn else ()
        return replace(self, columns=tuple(self.columns[i] for i in kept), rows=rows)

    def is_text(self, index: int) -> bool:
        """Return whether a column holds words; words stand left, numbers right."""
        return any(isinstance(row[index].value, str) for row in self.rows)

    def _any(self, index: int) -> bool:
        return any(row[index].value is not None for row in self.rows)


@dataclass(frozen=True, slots=True)
class Section:
    """Paragraphs, then tables, then text that is shown as it is (`code`)."""

    key: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    code: str | None = None


def text(value: str | None) -> Cell:
    """Return a cell of words."""
    return Cell(value)


def asked(value: float | int | None, unit: Unit = "count") -> Cell:
    """Return a number that was asked for, not measured."""
    return Cell(value, unit)


def number(value: float | None, unit: Unit, kind: Kind = "measured") -> Cell:
    """Return a number without an interval; one that is not finite is unknown."""
    if value is None or not math.isfinite(value):
        return Cell(None, unit)
    return Cell(value, unit, kind)


def estimate(
    value: Estimate | None, unit: Unit, kind: Kind = "measured", currency: str | None = None
) -> Cell:
    """Return a number with its interval; bounds that are not finite are unknown."""
    if value is None or not math.isfinite(value.value):
        return Cell(None, unit, currency=currency)
    bounds = (value.low, value.high)
    if any(bound is None or not math.isfinite(bound) for bound in bounds):
        return Cell(value.value, unit, kind, currency=currency)
    return Cell(value.value, unit, kind, value.low, value.high, currency)


def log_estimate(value: LogEstimate | None, unit: Unit, kind: Kind = "measured") -> Cell:
    """Return the number of which the logarithm was estimated."""
    return estimate(None if value is None else value.estimate, unit, kind)


def table(
    key: str,
    title: str,
    columns: dict[str, str],
    rows: Sequence[tuple[Cell, ...]],
    notes: Sequence[str] = (),
    *,
    optional: Sequence[str] = (),
    is_drawn: bool = True,
) -> Table:
    """Return a table; every row has a cell for every column."""
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"table {key}: {len(columns)} columns, but a row of {len(row)} cells")
    heads = tuple(Column(name, head) for name, head in columns.items())
    return Table(key, title, heads, tuple(rows), tuple(notes), tuple(optional), is_drawn)
