"""From files to curves: rows that count, configurations, and what was understood, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ray_bench.errors import AnalysisError
from ray_bench.reading.batches import Batches, batches_of
from ray_bench.reading.choices import QUANTITIES, Choices, column_named, meanings
from ray_bench.reading.configurations import configurations, with_baseline
from ray_bench.reading.curve import Curve
from ray_bench.reading.decimals import Mark, decimal_mark, doubtful
from ray_bench.reading.files import read_tables
from ray_bench.reading.memory import memory_column, peak_memory
from ray_bench.reading.numbers import is_nothing
from ray_bench.reading.one_curve import curve_of, unit_of
from ray_bench.reading.quantity import Quantity, quantity_of
from ray_bench.reading.repeats import repeats_line
from ray_bench.reading.sizes import Sizes, world_sizes
from ray_bench.reading.synonyms import Meaning, Role
from ray_bench.reading.table import Table, is_empty, shown
from ray_bench.reading.wide import unfolded

_SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The curves of some files, and what was understood."""

    name: str  # of the file, or how many there are
    curves: tuple[Curve, ...]
    said: tuple[str, ...]  # what was read as what, and what was left out; a sentence each


def read_curves(arguments: Sequence[str], choices: Choices | None = None) -> Reading:
    """Read the curves of some files.

    Args:
        arguments: FILE, N=FILE for a file that does not tell its world size, or NAME=FILE.
        choices: What a person says of them.

    Raises:
        ConfigError: A file or an option is wrong.
        MissingDataError: There is no such file.
        CorruptDataError: A file is not what its name says.
        AnalysisError: A column or a value is missing, or may be read in several ways.
    """
    choices = choices or Choices()
    table, unfolding = unfolded(read_tables(arguments, choices.sheet), choices)
    if not table.num_rows:
        raise AnalysisError(f"{table.name} has no rows; add one row a world size.")
    choices = _by_header(table, choices)
    found = meanings(table, choices)
    mark, said_mark = _mark(table, found, choices)
    if mark is None:
        return _either(table, found, choices, unfolding)
    return _read(table, found, mark, choices, (*unfolding, *said_mark))


def _by_header(table: Table, choices: Choices) -> Choices:
    where = {column_named(table, k, "--where"): v for k, v in choices.where.items()}
    return replace(choices, where=where)


def _mark(
    table: Table, found: Mapping[str, Meaning], choices: Choices
) -> tuple[Mark | None, list[str]]:
    if choices.decimal is not None:
        return choices.decimal, []
    roles = (*QUANTITIES, "local_batch_size", "global_batch_size", "batch_size")
    mark = decimal_mark(table, [x for x, y in found.items() if y.role in roles])
    return mark, ["decimals have a comma"] if mark == "comma" else []


def _either(
    table: Table, found: Mapping[str, Meaning], choices: Choices, said: Sequence[str]
) -> Reading:
    """Read a file of which no cell tells the decimal mark: with the one that gives a curve.

    Raises:
        AnalysisError: Both do, or neither.
    """
    roles = [x for x, y in found.items() if y.role in QUANTITIES]
    readings: list[Reading] = []
    why: list[AnalysisError] = []
    marks: tuple[Mark, ...] = ("point", "comma")
    for mark in marks:
        try:
            readings.append(_read(table, found, mark, choices, (*said, f"decimals have a {mark}")))
        except AnalysisError as err:
            why.append(err)
    if not readings:
        raise why[0]
    if len(readings) > 1:
        raise doubtful(table, roles)
    return readings[0]


def _read(
    table: Table,
    found: Mapping[str, Meaning],
    mark: Mark,
    choices: Choices,
    said: Sequence[str],
) -> Reading:
    _refuse_ranks(table, found)
    sizes = world_sizes(table, found, choices)
    quantity = quantity_of(table, found, sizes, mark, choices)
    kept, left = _kept(table, found, sizes, quantity)
    for column, values in choices.where.items():
        rows = with_baseline(table, column, values, kept)
        kept = {row: size for row, size in kept.items() if row in rows}
    roles: tuple[Role, ...] = ("amount",) if quantity.meaning.role == "total_time" else ()
    groups, about = configurations(table, found, kept, choices, roles)
    one_size = {kept[row] for group in groups for row in group.rows}
    if len(one_size) < 2:
        raise AnalysisError(
            f"{table.name}: a law needs two world sizes, got {len(one_size)}."
            + (f" {_sentence(left[0])}" if left else " Measure another one.")
        )
    batches = batches_of(table, found, mark)
    if sizes.is_nodes and "local_batch_size" in batches.columns:
        raise AnalysisError(
            f"{table.name} gives the batch of a worker but counts nodes; give --workers-per-node."
        )
    memory = memory_column(table)
    curves = [
        (_with_memory(curve, peak_memory(table, memory, x.rows, kept, mark)), notes)
        for x in groups
        for curve, notes in [curve_of(table, found, x, kept, quantity, sizes, batches, choices)]
    ]
    lines = [_read_line(quantity, sizes, batches), *said, *left, *about]
    if any(curve.peak_memory_bytes for curve, _ in curves):
        lines.append(f"peak memory of a worker = column {memory!r}")
    lines += list(dict.fromkeys(line for _, notes in curves for line in notes))
    lines += repeats_line(table, [x.rows for x in groups], kept, quantity.column)
    return Reading(
        name=table.name,
        curves=tuple(curve for curve, _ in curves),
        said=tuple(table.notes) + tuple(lines),
    )


def _with_memory(curve: Curve, peaks: Mapping[int, tuple[float, ...]]) -> Curve:
    return replace(curve, peak_memory_bytes=peaks)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _refuse_ranks(table: Table, found: Mapping[str, Meaning]) -> None:
    for column, meaning in found.items():
        if meaning.role == "rank" and len({str(x) for x in table.columns[column]}) > 1:
            raise AnalysisError(
                f"{table.name} has a row for every rank ({column!r}); give one row a run, with the "
                "throughput of all ranks together or the time of a step."
            )


def _kept(
    table: Table, found: Mapping[str, Meaning], sizes: Sizes, quantity: Quantity
) -> tuple[dict[int, int], list[str]]:
    """Return the workers of every row that counts, and which rows do not and why."""
    kept: dict[int, int] = {}
    left: list[str] = []
    others = [x for x, y in found.items() if y.role in QUANTITIES[:6] and x != quantity.column]
    for row, (size, value) in enumerate(zip(sizes.workers, quantity.values, strict=True)):
        if size is not None and value is not None:
            kept[row] = size
            continue
        if size is not None:
            _refuse_other_quantity(table, row, quantity, others)
        column = sizes.columns[0] if size is None else quantity.column
        cell = table.columns[column][row]
        left.append(f"{table.rows[row]} ({column} is {'blank' if is_empty(cell) else shown(cell)})")
    if not left:
        return kept, []
    more = f" and {len(left) - _SHOWN_ROWS} more" if len(left) > _SHOWN_ROWS else ""
    return kept, [f"left out: {', '.join(left[:_SHOWN_ROWS])}{more}"]


def _refuse_other_quantity(
    table: Table, row: int, quantity: Quantity, others: Sequence[str]
) -> None:
    """Refuse rows that give another quantity in the place of this one; beside it, it is none."""
    given = [i for i, x in enumerate(quantity.values) if x is not None]
    for other in others:
        cells = table.columns[other]
        if not is_nothing(cells[row]) and all(is_nothing(cells[i]) for i in given):
            raise AnalysisError(
                f"{table.where(row)} gives {other} and not {quantity.column} as other rows; these "
                "are contradicting units. Give one of them in all rows."
            )


def _read_line(quantity: Quantity, sizes: Sizes, batches: Batches) -> str:
    """Return what was read as what, on one line."""
    columns = " x ".join(repr(x) for x in sizes.columns[: 2 if len(sizes.columns) > 1 else 1])
    workers = f"workers = column {columns}"
    if len(sizes.columns) > 1 and sizes.nodes is not None:
        workers = f"workers = column {sizes.columns[0]!r}, with {sizes.columns[1]!r}"
    if sizes.is_nodes:
        workers += " (a node counts as one worker; --workers-per-node tells how many it has)"
    what = f"{_what(quantity)} = column {quantity.column!r}"
    return ", ".join([f"read: {workers}", what, *batches.read])


def _what(quantity: Quantity) -> str:
    meaning = quantity.meaning
    names = {
        "step_rate": "iterations/s of the job",
        "step_time": "time of a step",
        "epoch_time": "time of an epoch",
        "total_time": "time of the job",
    }
    if meaning.role in names:
        return names[meaning.role]
    if meaning.role in ("speedup", "efficiency"):
        return meaning.role
    unit = unit_of(quantity) or "throughput"
    return f"{unit} of {'each worker' if meaning.per == 'worker' else 'all workers'}"
