"""Tables with a column for every world size: models as rows, GPUs as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.errors import AnalysisError, ConfigError
from ray_bench.reading.choices import MEANINGS, QUANTITIES, Choices
from ray_bench.reading.numbers import is_nothing, number_of
from ray_bench.reading.sizes import size_of
from ray_bench.reading.synonyms import meaning_of
from ray_bench.reading.table import Table, is_empty, listed, printable

#: Of ideal: cells that rise by more in some row are rates. A time that grows nearly as the workers
#: do would be that of a job that they do not help at all.
_RISING = 0.5
_HEADERS = {"rate": "throughput"}


@dataclass(frozen=True, slots=True)
class _Shape:
    """Which headers are world sizes, and which columns name the rows."""

    sizes: list[str]
    labels: list[str]


def unfolded(table: Table, choices: Choices) -> tuple[Table, list[str]]:
    """Return a table with one row a world size, and what was understood; others are unchanged.

    Raises:
        ConfigError: --row or --cells does not fit.
        AnalysisError: Nothing tells whether the cells are rates or times.
    """
    shape = _shape(table)
    if shape is not None and not shape.labels:
        raise AnalysisError(
            f"{table.name} has no header: its first line is {', '.join(shape.sizes[:4])}. Write "
            "the names of the columns above, such as world_size,throughput."
        )
    if shape is None:
        if choices.rows:
            raise ConfigError(f"--row: {table.name} has no column for every world size.")
        return table, []
    kinds = [_kind(_label(table, shape, row)) for row in range(table.num_rows)]
    if table.num_rows and all(x is not None for x in kinds) and choices.cells is None:
        return _turned(table, shape), []
    rows = _asked_rows(table, shape, choices)
    header, said = _cells(table, shape, rows, choices)
    heads = f"workers = headers {listed(shape.sizes)}"
    return _long(table, shape, rows, header), [f"{heads}; {said}"]


def _shape(table: Table) -> _Shape | None:
    sizes = [x for x in table.columns if size_of(x) is not None]
    labels = [x for x in table.columns if x not in sizes]
    is_wide = len(sizes) >= 2 and len({size_of(x) for x in sizes}) == len(sizes)
    return _Shape(sizes, labels) if is_wide and len(labels) <= 4 else None


def _label(table: Table, shape: _Shape, row: int) -> str:
    cells = [table.columns[x][row] for x in shape.labels]
    return ", ".join(printable(str(x)) for x in cells if not is_empty(x))


def _kind(label: str) -> str | None:
    meaning = meaning_of(label) if label else None
    is_known = meaning is not None and (meaning.role in QUANTITIES or "batch" in meaning.role)
    is_known = is_known or (meaning is not None and meaning.role == "measured")
    return label if is_known else None


def _turned(table: Table, shape: _Shape) -> Table:
    """Return the table with rows as columns: they are named images/s, speedup and the like."""
    columns: dict[str, list[object]] = {"workers": list(shape.sizes)}
    for row in range(table.num_rows):
        columns[_label(table, shape, row)] = [table.columns[x][row] for x in shape.sizes]
    names = [f"column {x!r}" for x in shape.sizes]
    return Table(name=table.name, columns=columns, rows=names, delimiter=table.delimiter)


def _asked_rows(table: Table, shape: _Shape, choices: Choices) -> list[int]:
    labels = [_label(table, shape, row) for row in range(table.num_rows)]
    if not choices.rows:
        return list(range(table.num_rows))
    wanted = {x.casefold() for x in choices.rows}
    rows = [i for i, x in enumerate(labels) if x.casefold() in wanted]
    if len({labels[i].casefold() for i in rows}) < len(wanted):
        raise ConfigError(
            f"--row: {table.name} has no row {listed(list(choices.rows))}; its rows are: "
            f"{listed(labels)}."
        )
    return rows


def _cells(table: Table, shape: _Shape, rows: Sequence[int], choices: Choices) -> tuple[str, str]:
    """Return the header for all cells, and why."""
    if choices.cells is not None:
        if choices.cells not in MEANINGS:
            raise ConfigError(
                f"--cells: there is no {choices.cells!r}; there are {', '.join(MEANINGS)}."
            )
        return choices.cells, f"cells are {choices.cells}"
    named = next((x for x in (*shape.labels, table.name) if _is_quantity(x)), None)
    if named is not None and named in shape.labels:
        return named, f"cells are {named!r}"
    if _are_rates(table, shape, rows):
        return "throughput", "cells are taken as throughput, for they rise with the workers"
    raise AnalysisError(
        f"{table.name} has a column for every world size, and nothing says what its cells are. "
        "Give --cells throughput, --cells step_time_s, --cells epoch_time_s or --cells speedup."
    )


def _is_quantity(name: str) -> bool:
    meaning = meaning_of(name)
    return meaning is not None and meaning.role in QUANTITIES


def _are_rates(table: Table, shape: _Shape, rows: Sequence[int]) -> bool:
    """Whether no row falls below its start, and some row rises nearly as its workers."""
    best = 0.0
    for row in rows:
        cells = [(size_of(x), table.columns[x][row]) for x in shape.sizes]
        pairs = sorted(
            (size.workers, number.value)
            for size, cell in cells
            if size is not None and not is_nothing(cell)
            if (number := number_of(cell, "point")) is not None
        )
        if len(pairs) < 2 or pairs[0][1] <= 0:
            continue
        (first, start), (last, end) = pairs[0], pairs[-1]
        if end < start:
            return False
        best = max(best, end / start / (last / first))
    return best > _RISING


def _long(table: Table, shape: _Shape, rows: Sequence[int], header: str) -> Table:
    columns: dict[str, list[object]] = {_free(x, header): [] for x in shape.labels}
    columns |= {"workers": [], header: []}
    places = []
    for row in rows:
        for size in shape.sizes:
            for name in shape.labels:
                columns[_free(name, header)].append(table.columns[name][row])
            columns["workers"].append(size)
            columns[header].append(table.columns[size][row])
            places.append(f"{table.rows[row]}, column {size!r}")
    return Table(name=table.name, columns=columns, rows=places, delimiter=table.delimiter)


def _free(name: str, header: str) -> str:
    """Return the name of a column of labels that means nothing else: 'GPU' above models."""
    return f"{name} (row)" if name in ("workers", header) or meaning_of(name) else name
