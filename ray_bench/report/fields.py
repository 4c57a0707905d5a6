"""Tables as declarations: a field has a key, a title, a unit, a kind, and where its value is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ray_bench.report.cells import (
    Cell,
    Column,
    Kind,
    Table,
    Unit,
    asked,
    estimate,
    number,
    table,
    text,
)
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate

Item = TypeVar("Item")
Value = Estimate | LogEstimate | float | int | str | None


@dataclass(frozen=True, slots=True)
class Field(Generic[Item]):
    """A column of a table over items, or a row of one that crosses them."""

    key: str
    title: str
    unit: Unit | None  # None for words
    kind: Kind | None  # None for words and for what was asked for
    get: Callable[[Item], Value]
    currency: str | None = None

    def cell(self, item: Item, kind: Kind | None = None) -> Cell:
        """Return an item's cell; of another kind than the field's, where that is given."""
        value = self.get(item)
        if isinstance(value, LogEstimate):
            value = value.estimate
        if self.unit is None or isinstance(value, str):
            return text(None if value is None else str(value))
        if self.kind is None:
            return asked(value.value if isinstance(value, Estimate) else value, self.unit)
        if isinstance(value, Estimate):
            return estimate(value, self.unit, kind or self.kind, self.currency)
        return _with_currency(number(value, self.unit, kind or self.kind), self.currency)


def _with_currency(cell: Cell, currency: str | None) -> Cell:
    return Cell(cell.value, cell.unit, cell.kind, cell.low, cell.high, currency)


def rows_table(
    key: str,
    title: str,
    fields: Sequence[Field[Item]],
    items: Sequence[Item],
    notes: Sequence[str] = (),
) -> Table:
    """Return a table with a row an item; columns of which nothing is known are not drawn.

    The first column is always drawn.
    """
    columns = {x.key: x.title for x in fields}
    rows = [tuple(x.cell(item) for x in fields) for item in items]
    return table(key, title, columns, rows, notes, optional=tuple(columns)[1:])


def with_column(made: Table, field: Field[Item], items: Sequence[Item]) -> Table:
    """Return a table with one more column; an item a row."""
    rows = zip(made.rows, items, strict=True)
    return replace(
        made,
        columns=(*made.columns, Column(field.key, field.title)),
        rows=tuple((*row, field.cell(item)) for row, item in rows),
    )


@dataclass(frozen=True, slots=True)
class Crossed(Generic[Item]):
    """Columns of one item, such as a world size: their keys end with what names it."""

    name: str  # `4`
    title: str  # `4 workers`
    item: Item


def crossed_table(
    key: str,
    title: str,
    head: str,
    names: Sequence[str],
    groups: Sequence[Crossed[Item]],
    fields_of: Callable[[str], Sequence[Field[Item]]],
    notes: Sequence[str] = (),
) -> Table:
    """Return a table with a row a name and the same columns for every item.

    Args:
        key: Of the table.
        title: Of the table.
        head: Heading of the names.
        names: Of the rows.
        groups: The items side by side.
        fields_of: From the name of a row to the fields of every item, of the same keys for all.
        notes: Under the table.
    """
    first = fields_of(names[0]) if names else ()
    many = len(first) > 1
    columns = {"name": head} | {
        f"{x.key}_{group.name}": f"{group.title}: {x.title}" if many else group.title
        for group in groups
        for x in first
    }
    rows = [
        (text(name), *(x.cell(group.item) for group in groups for x in fields_of(name)))
        for name in names
    ]
    return table(key, title, columns, rows, notes, optional=tuple(columns)[1:])
