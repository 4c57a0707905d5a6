"""Which columns are settings: what was measured, or only names a run, makes no curve."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping, Sequence

from ray_bench.errors import AnalysisError
from ray_bench.reading.choices import Choices, column_named
from ray_bench.reading.files import FILE
from ray_bench.reading.numbers import is_nothing
from ray_bench.reading.sizes import size_of
from ray_bench.reading.synonyms import Meaning, Role
from ray_bench.reading.table import Table, is_empty, listed, options, printable

#: Settings only where one number of workers had several of them.
_AT_A_SIZE: tuple[Role, ...] = (
    "local_batch_size",
    "global_batch_size",
    "batch_size",
    "accumulate_steps",
    "num_nodes",
    "workers_per_node",
)
#: Never a setting, although no table of measured things has it.
_NEVER = frozenset((FILE, "source", "note"))
_UNNAMED = re.compile(r"column \d+|Unnamed: \d+|index")
_BLANK = ""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_MIDNIGHT = " 00:00:00"  # how a day without a time comes out of a spreadsheet


def settings_of(
    table: Table,
    found: Mapping[str, Meaning],
    size: Mapping[int, int],
    choices: Choices,
    roles: Collection[Role],
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the columns that make curves, and all that differ and may do so.

    The arguments are those of `configurations`.

    Returns:
        Texts of the rows by header; headers that only repeat another are among the second alone.

    Raises:
        AnalysisError: Nothing tells whether a column was set or measured.
    """
    kept, sizes = list(size), list(size.values())
    asked = [column_named(table, x, "--by") for x in choices.by]
    names = _candidates(table, found, choices, {"scaling", *roles}, asked)
    columns = {x: _labels(table, x, kept) for x in names}
    columns = {x: y for x, y in columns.items() if len(set(y)) > 1}
    columns = {
        x: y
        for x, y in columns.items()
        if x in asked or not (_is_size_name(y, sizes) or _is_time_of_day(y))
    }
    differing = list(columns)
    joined = {
        x: columns.pop(x)
        for x in _joined(choices, asked)
        if x in columns and not _differs_at_a_size(columns[x], sizes, {})
    }
    columns = {x: y for x, y in columns.items() if not _repeats(y, joined)}
    columns = _without_doubles(columns, asked)
    for name, labels in columns.items():
        _refuse_measured(table, name, labels, asked)
    columns |= _batches(table, found, columns, kept, sizes)
    return columns, differing


def _candidates(
    table: Table,
    found: Mapping[str, Meaning],
    choices: Choices,
    roles: Collection[Role],
    asked: Sequence[str],
) -> list[str]:
    """Return the columns that may be settings."""
    ignored = {column_named(table, x, "--ignore") for x in choices.ignore}
    return [
        x
        for x in table.columns
        if x in asked
        or (
            x not in ignored
            and x not in choices.columns.values()
            and x.lower() not in _NEVER
            and not _is_index(x, table.columns[x])
            and (x not in found or _may_be_setting(table, x, found[x], roles))
        )
    ]


def _is_index(name: str, cells: Sequence[object]) -> bool:
    """Whether a column without a name only counts the rows, as pandas writes it."""
    if not _UNNAMED.fullmatch(name):
        return False
    texts = [label_of(x) for x in cells]
    return any(texts == [str(i) for i in range(n, n + len(texts))] for n in (0, 1))


def _may_be_setting(table: Table, column: str, meaning: Meaning, roles: Collection[Role]) -> bool:
    if meaning.role == "world_size":  # 'num_workers' of a data loader, 'device' with names
        texts = [x for x in table.columns[column][:1000] if not is_empty(x)]
        return not meaning.is_sure or not all(size_of(x) for x in texts)
    return meaning.role in roles


def _batches(
    table: Table,
    found: Mapping[str, Meaning],
    columns: Mapping[str, Sequence[str]],
    kept: Sequence[int],
    sizes: Sequence[int],
) -> dict[str, list[str]]:
    """Return batch and placement where one world size has several of them beside the settings.

    In a curve of strong scaling the batch of a worker differs from size to size, and in weak
    scaling the global one: they are settings only where the same number of workers had two.
    """
    names = [x for x, y in found.items() if y.role in _AT_A_SIZE]
    differing = {x: _labels(table, x, kept) for x in names}
    differing = {x: y for x, y in differing.items() if _differs_at_a_size(y, sizes, columns)}
    batches = [x for x in differing if found[x].role in ("local_batch_size", "global_batch_size")]
    for name in batches if len(batches) > 1 else ():
        others = [x for x in batches if x != name]
        groups: dict[str, set[int]] = {}
        for label, size in zip(differing[name], sizes, strict=True):
            groups.setdefault(label, set()).add(size)
        if all(x == set(sizes) for x in groups.values()):
            return {x: y for x, y in differing.items() if x not in others}
    return differing


def _differs_at_a_size(
    labels: Sequence[str], sizes: Sequence[int], columns: Mapping[str, Sequence[str]]
) -> bool:
    seen: dict[tuple[object, ...], str] = {}
    keys = zip(sizes, *columns.values(), strict=True)
    return any(seen.setdefault(key, x) != x for key, x in zip(keys, labels, strict=True))


def _labels(table: Table, column: str, kept: Sequence[int]) -> list[str]:
    cells = table.columns[column]
    return [label_of(cells[row]) for row in kept]


def label_of(cell: object) -> str:
    """Return a setting as text, whole numbers without decimals; nothing is empty."""
    if is_nothing(cell):
        return _BLANK
    if isinstance(cell, str):
        return _plain(cell)
    if isinstance(cell, float) and cell == int(cell) and abs(cell) < 1e15:
        return str(int(cell))
    return printable(str(cell))


@functools.lru_cache(maxsize=4096)  # settings have few values
def _plain(cell: str) -> str:
    return printable(cell)


def _is_size_name(labels: Sequence[str], sizes: Sequence[int]) -> bool:
    """Whether texts differ in the number of workers alone: '4gpu_resnet', '8gpu_resnet'."""
    found = set()
    for label, size in zip(labels, sizes, strict=True):
        name = re.sub(rf"(?<!\d){size}(?!\d)", "#", label)
        found.add(re.sub(r"(?i)(?<=#)([ _-]?gpu|[ _-]?worker|[ _-]?node)s?", r"\1", name))
    return len(found) == 1


def _is_time_of_day(labels: Sequence[str]) -> bool:
    """Whether texts are moments and not days: they say when a run was, and not what it was."""
    known = [x for x in set(labels) if x]
    return all(_MOMENT.match(x) for x in known) and not all(x.endswith(_MIDNIGHT) for x in known)


def _joined(choices: Choices, asked: Sequence[str]) -> list[str]:
    """Return the columns of which a person named several values: they may be one curve."""
    return [k for k, v in choices.where.items() if len(v) > 1 and k not in asked]


def _repeats(labels: Sequence[str], others: Mapping[str, Sequence[str]]) -> bool:
    """Whether a column only repeats another: each value of that has one of this."""
    return any(len(set(zip(x, labels, strict=True))) == len(set(x)) for x in others.values())


def _without_doubles(columns: dict[str, list[str]], asked: Sequence[str]) -> dict[str, list[str]]:
    """Return columns without those that only repeat another."""
    kept: dict[str, list[str]] = {}
    for name in [*asked, *(x for x in columns if x not in asked)]:
        if name in columns and not _repeats(columns[name], kept):
            kept[name] = columns[name]
    return kept


def _refuse_measured(table: Table, name: str, labels: Sequence[str], asked: Sequence[str]) -> None:
    """Refuse a column of which each row has another number: it may be measured, or set."""
    values = [x for x in labels if x]
    is_number = all(re.fullmatch(r"[+-]?[\d.,]*\d(e[+-]?\d+)?%?", x, re.I) for x in values)
    if name in asked or not is_number or len(set(values)) < max(3, 0.8 * len(labels)):
        return
    raise AnalysisError(
        f"{table.name}: nothing tells whether {name!r} ({listed(values[:3])}) was set or measured. "
        f"Leave it aside with {options('--ignore', name)}, or make each value a curve with "
        f"{options('--by', name)}."
    )
