"""How many workers a row had: `8`, `8 GPUs`, `1x8`, `16GPUs(2 nodes)`, or nodes and theirs."""

from __future__ import annotations

import functools
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_bench.errors import AnalysisError
from ray_bench.reading.choices import Choices
from ray_bench.reading.synonyms import Meaning
from ray_bench.reading.table import Table, is_empty, listed, options, shown

#: More workers than any machine has.
_MOST = 10_000_000
_MOST_CHARACTERS = 60
#: A whole number, with commas for thousands.
_COUNT = r"(\d{1,3}(?:,\d{3})+|\d+)"
_WORKERS = (
    r"(?:gpus?|workers?|ranks?|procs?|process(?:es)?|devices?|cards?|tpus?|npus?|cpus?|cores?)"
)
_NODES = r"(?:nodes?|hosts?|machines?|servers?|knoten)"
_PATTERNS = (
    (re.compile(rf"{_COUNT}(?:\.0+)?"), "workers"),
    (re.compile(rf"{_COUNT}\s*[x\u00d7*]\s*{_COUNT}(?:\s*{_WORKERS})?"), "nodes x each"),
    (re.compile(rf"{_COUNT}\s*{_NODES}\s*[x\u00d7*,]?\s*{_COUNT}\s*{_WORKERS}?"), "nodes x each"),
    (re.compile(rf"{_COUNT}\s*{_WORKERS}\W*\(?\s*{_COUNT}\s*{_NODES}\)?"), "workers, nodes"),
    (re.compile(rf"{_COUNT}\s*[x\u00d7]?\s*{_WORKERS}"), "workers"),
    (re.compile(rf"{_WORKERS}\s*[x\u00d7=:]?\s*{_COUNT}"), "workers"),
    (re.compile(rf"{_COUNT}\s*[x\u00d7]\s*[a-z][\w-]*"), "workers"),  # 8x A100
    (re.compile(rf"{_COUNT}\s*{_NODES}"), "nodes"),
)


@dataclass(frozen=True, slots=True)
class Size:
    """The workers of a run, and over how many nodes they were where that is told."""

    workers: int
    nodes: int | None = None
    is_nodes: bool = False  # the number is one of nodes, each with workers that are not told


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The workers of every row, None where a cell is blank."""

    workers: list[int | None]
    nodes: list[int | None] | None
    columns: tuple[str, ...]  # that they were read from
    is_nodes: bool  # every node counts as one worker, for nothing tells how many it has


def size_of(cell: object) -> Size | None:
    """Return what a cell or a header says of the number of workers, None if it is none."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        is_whole = 1 <= cell <= _MOST and cell == math.floor(cell)
        return Size(int(cell)) if is_whole else None
    return _size_of_text(str(cell))


@functools.lru_cache(maxsize=4096)  # a million rows have few world sizes
def _size_of_text(cell: str) -> Size | None:
    text = cell.strip().strip("*`").strip().lower()
    if len(text) > _MOST_CHARACTERS:
        return None
    for pattern, kind in _PATTERNS:
        match = pattern.fullmatch(text)
        if match is not None:
            return _size(kind, [int(x.replace(",", "")) for x in match.groups()])
    return None


def _size(kind: str, counts: Sequence[int]) -> Size | None:
    if min(counts) < 1 or max(counts) > _MOST:
        return None
    if kind == "nodes x each":
        return Size(counts[0] * counts[1], counts[0])
    if kind == "workers, nodes":
        return Size(counts[0], counts[1])
    return Size(counts[0], is_nodes=kind == "nodes")


def world_sizes(table: Table, found: Mapping[str, Meaning], choices: Choices) -> Sizes:
    """Return the number of workers of every row.

    Raises:
        AnalysisError: No column has it, several may, or a cell is none.
    """
    named = {role: _columns(table, found, role) for role in ("world_size", "num_nodes")}
    each = [x for x in _columns(table, found, "workers_per_node") if _is_known(table, x)]
    sure = [x for x in named["world_size"] if found[x].is_sure]
    nodes = named["num_nodes"][:1]
    if "world_size" in sure and "world_size" not in choices.columns:
        sure = ["world_size"]  # that is its name here
    if len(sure) > 1:
        sure = _same(table, sure)
    if sure and nodes and not each:
        return _beside_nodes(table, sure[0], nodes[0], choices)
    if sure:
        return _plain(table, sure[0], nodes, choices)
    if nodes and each:
        return _product(table, nodes[0], each[0])
    if nodes:
        return _plain(table, nodes[0], [], choices, is_nodes=True)
    unsure = named["world_size"]
    if len(unsure) == 1:
        return _plain(table, unsure[0], [], choices)
    if each:
        return _plain(table, each[0], [], choices)
    raise _no_size(table, unsure)


def _no_size(table: Table, unsure: Sequence[str]) -> AnalysisError:
    if unsure:
        return AnalysisError(
            f"{table.name}: the number of workers may be in {listed(unsure)}. Choose with "
            f"{options('--column', *(f'world_size={x}' for x in unsure))}."
        )
    if {"source", "note"} <= table.columns.keys():
        return AnalysisError(
            f"{table.name} does not tell the number of workers, as few logs do; give it before the "
            f"file: {shlex.quote(f'4={table.name}')} for 4, 2x8=FILE for 2 nodes of 8."
        )
    return AnalysisError(
        f"{table.name} has no column that is known to hold the number of workers (world_size, "
        f"GPUs, workers, nodes); its columns are: {table.shown_columns}. Name it with --column "
        "world_size=NAME, or give it before the file: 4=FILE."
    )


def _columns(table: Table, found: Mapping[str, Meaning], role: str) -> list[str]:
    """Return the columns of a role of which the cells are sizes; 'GPU' may hold 'A100'."""
    return [x for x, y in found.items() if y.role == role and _is_known(table, x)]


def _is_known(table: Table, column: str) -> bool:
    cells = [x for x in table.columns[column][:1000] if not is_empty(x)]
    fits = sum(1 for x in cells if size_of(x) is not None)
    return fits > 0 and 2 * fits >= len(cells)


def _same(table: Table, columns: Sequence[str]) -> list[str]:
    """Return one of some columns that say the same.

    Raises:
        AnalysisError: They differ.
    """
    first = [_workers(x) for x in table.columns[columns[0]]]
    for other in columns[1:]:
        for row, cell in enumerate(table.columns[other]):
            if not is_empty(cell) and first[row] is not None and _workers(cell) != first[row]:
                raise AnalysisError(
                    f"{table.where(row)}: the number of workers may be in {columns[0]!r} "
                    f"({shown(table.columns[columns[0]][row])}) or in {other!r} ({shown(cell)}). "
                    f"Choose with "
                    + options("--column", f"world_size={columns[0]}", f"world_size={other}")
                    + "."
                )
    return [columns[0]]


def _workers(cell: object) -> int | None:
    size = None if is_empty(cell) else size_of(cell)
    return None if size is None else size.workers


def _plain(
    table: Table, column: str, nodes: Sequence[str], choices: Choices, *, is_nodes: bool = False
) -> Sizes:
    sizes = [_checked(table, column, row, x) for row, x in enumerate(table.columns[column])]
    is_nodes = is_nodes or any(x is not None and x.is_nodes for x in sizes)
    workers = [None if x is None else x.workers for x in sizes]
    counts: list[int | None] | None = None
    if is_nodes:
        counts, each = workers, choices.workers_per_node
        if each is not None:
            workers = [None if x is None else x * each for x in workers]
    elif any(x is not None and x.nodes is not None for x in sizes):
        counts = [None if x is None else x.nodes for x in sizes]
    elif nodes:
        counts = [_workers(x) for x in table.columns[nodes[0]]]
    return Sizes(
        workers=workers,
        nodes=counts,
        columns=(column, *nodes),
        is_nodes=is_nodes and choices.workers_per_node is None,
    )


def _beside_nodes(table: Table, column: str, nodes: str, choices: Choices) -> Sizes:
    """Return the sizes of a table with nodes and GPUs: those of all nodes, or of each."""
    rows = [(_workers(a), _workers(b)) for a, b in _pairs(table, column, nodes)]
    known = [(a, b) for a, b in rows if a is not None and b is not None]
    several = {a for a, b in known if b > 1}
    is_total = column == "world_size" or "world_size" in choices.columns or not several
    if not is_total and all(a % b == 0 and a >= b for a, b in known):
        ratios = {a // b for a, b in known if b > 1}
        is_total = len(ratios) == 1 and len({a for a, b in known}) > 1
    if is_total:
        return _plain(table, column, [nodes], choices)
    if len(several) == 1 and all(a <= max(several) for a, _ in known):
        return _product(table, nodes, column)
    raise AnalysisError(
        f"{table.name}: column {column!r} may count the workers of all nodes, or of each of "
        f"{nodes!r}. Choose with "
        + options("--column", f"world_size={column}", f"workers_per_node={column}")
        + "."
    )


def _pairs(table: Table, first: str, second: str) -> list[tuple[object, object]]:
    return list(zip(table.columns[first], table.columns[second], strict=True))


def _product(table: Table, nodes: str, each: str) -> Sizes:
    counts = [_checked(table, nodes, i, x) for i, x in enumerate(table.columns[nodes])]
    inner = [_checked(table, each, i, x) for i, x in enumerate(table.columns[each])]
    pairs = zip(counts, inner, strict=True)
    return Sizes(
        workers=[None if a is None or b is None else a.workers * b.workers for a, b in pairs],
        nodes=[None if x is None else x.workers for x in counts],
        columns=(nodes, each),
        is_nodes=False,
    )


def _checked(table: Table, column: str, row: int, cell: object) -> Size | None:
    if is_empty(cell) or (isinstance(cell, float) and math.isnan(cell)):
        return None
    size = size_of(cell)
    if size is None:
        raise AnalysisError(
            f"{table.where(row)}: {column} has to be a whole number of 1 or more, got "
            f"{shown(cell)}."
        )
    return size
