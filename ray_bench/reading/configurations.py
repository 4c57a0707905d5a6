"""One curve is one configuration: rows that differ in a setting are curves of their own."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ray_bench.errors import AnalysisError
from ray_bench.reading.choices import Choices, column_named
from ray_bench.reading.files import FILE
from ray_bench.reading.numbers import is_nothing
from ray_bench.reading.sizes import size_of
from ray_bench.reading.synonyms import Meaning, Role
from ray_bench.reading.table import Table, is_empty, listed, options, printable

#: What a run with one worker is called beside methods of several: it is the first point of each.
_ALONE_WORDS = (
    "single none baseline base serial sequential local single-gpu single_gpu singlegpu 1gpu "
    "no single-device single_device single-process single-node n/a na - nodist off"
)
_ALONE = frozenset(_ALONE_WORDS.split())
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
#: More curves than that are no comparison; a column that is no setting makes them.
MAX_CURVES = 40
_BLANK = ""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_MIDNIGHT = " 00:00:00"  # how a day without a time comes out of a spreadsheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Rows of one curve."""

    name: str  # "" where it is the only one
    settings: Mapping[str, str]  # what makes it another one
    rows: list[int]


def configurations(
    table: Table,
    found: Mapping[str, Meaning],
    size: Mapping[int, int],
    choices: Choices,
    roles: Collection[Role] = (),
) -> tuple[list[Configuration], list[str]]:
    """Return the curves of a table, and what is to be said of them.

    Args:
        table: All rows.
        found: What its columns mean.
        size: The number of workers by row, of the rows that count.
        choices: What the person says.
        roles: Other columns that make configurations, such as the epochs of a job.

    Raises:
        AnalysisError: Nothing tells whether rows are of one curve.
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
    if not columns:
        return [Configuration(name="", settings={}, rows=kept)], []
    return _named(table, _groups(columns, kept), size, list(columns), differing)


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
            and (x not in found or _may_be_setting(table, x, found[x], roles))
        )
    ]


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
    return [_label(cells[row]) for row in kept]


def _label(cell: object) -> str:
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


def _groups(
    columns: Mapping[str, Sequence[str]], kept: Sequence[int]
) -> dict[tuple[str, ...], list[int]]:
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, key in zip(kept, zip(*columns.values(), strict=True), strict=True):
        groups.setdefault(key, []).append(row)
    return groups


def _named(
    table: Table,
    groups: dict[tuple[str, ...], list[int]],
    size: Mapping[int, int],
    columns: Sequence[str],
    differing: Sequence[str],
) -> tuple[list[Configuration], list[str]]:
    said = []
    alone = _baseline(groups, size)
    if alone is not None:
        rows = groups.pop(alone)
        label = ", ".join(x for x in alone if x)
        said.append(f"first point: the run of {label!r} with 1 worker is that of every curve")
        groups = {key: rows + x for key, x in groups.items()}
    curves = {key: x for key, x in groups.items() if len({size[row] for row in x}) > 1}
    lost = {key: x for key, x in groups.items() if key not in curves}
    _refuse_lost(table, groups, curves, size, columns, differing)
    if lost:
        names = listed([_name(key, columns) for key in lost])
        said.append(f"left out, for they have one world size alone: {names}")
    if len(curves) == 1:
        ((key, rows),) = curves.items()
        return [Configuration(name=_name(key, columns), settings={}, rows=sorted(rows))], said
    return [
        Configuration(
            name=_name(key, columns), settings=dict(zip(columns, key, strict=True)), rows=sorted(x)
        )
        for key, x in curves.items()
    ], said


def _name(key: Sequence[str], columns: Sequence[str]) -> str:
    if len(columns) == 1 and re.match(r"(?!true|false)[^\W\d]", key[0], re.I):
        return key[0]
    if len(columns) == 1 and not key[0]:
        return f"no {columns[0]}"
    return ", ".join(f"{c}={x or '(blank)'}" for c, x in zip(columns, key, strict=True))


def _baseline(
    groups: Mapping[tuple[str, ...], Sequence[int]], size: Mapping[int, int]
) -> tuple[str, ...] | None:
    """Return the group that is one worker without a method, where no other has one worker."""
    found = [key for key, rows in groups.items() if {size[row] for row in rows} == {1}]
    others = [key for key in groups if key not in found]
    if len(found) != 1 or not others or any(size[r] == 1 for k in others for r in groups[k]):
        return None
    words = [x.lower() for x in found[0]]
    differs = [x for i, x in enumerate(words) if all(k[i].lower() != x for k in others)]
    return found[0] if differs and all(x in _ALONE for x in differs) else None


def _refuse_lost(
    table: Table,
    groups: Mapping[tuple[str, ...], Sequence[int]],
    curves: Mapping[tuple[str, ...], Sequence[int]],
    size: Mapping[int, int],
    columns: Sequence[str],
    differing: Sequence[str],
) -> None:
    """Refuse groups that only together have all world sizes: they may be one curve or several."""
    known = {size[row] for rows in curves.values() for row in rows}
    seen = {size[row] for rows in groups.values() for row in rows}
    if len(seen) < 2 or (curves and known == seen):
        if len(groups) > MAX_CURVES:
            raise AnalysisError(
                f"{table.name} has {len(groups)} configurations by {listed(columns)}; choose some "
                f"with --where, or leave a column aside with {options('--ignore', columns[0])}."
            )
        return
    parts = [
        f"{_name(key, columns)} (workers: {listed(sorted({size[row] for row in rows}))})"
        for key, rows in list(groups.items())[:6]
    ]
    more = f" and {len(groups) - 6} more" if len(groups) > 6 else ""
    ignored = options("--ignore", *(differing or columns)).replace(" or ", " ")
    raise AnalysisError(
        f"{table.name}: rows differ in {listed(columns)}, and may be several curves: "
        f"{'; '.join(parts)}{more}. If they are one, give {ignored}; else choose rows with "
        f"{options('--where', f'{columns[0]}=VALUE,VALUE')}."
    )


def with_baseline(
    table: Table, column: str, values: Sequence[str], size: Mapping[int, int]
) -> set[int]:
    """Return the rows with some values in a column, and the one-worker run that they all share.

    Raises:
        AnalysisError: No row has one of the values.
    """
    wanted = {x.casefold() for x in values}
    labels = {row: _label(table.columns[column][row]) for row in range(table.num_rows)}
    kept = {row for row, x in labels.items() if x.casefold() in wanted}
    missing = wanted - {labels[row].casefold() for row in kept}
    if missing:
        raise AnalysisError(
            f"{table.name}: no row has {listed(sorted(missing))} in {column!r}; it has "
            f"{listed(sorted(set(labels.values())))}."
        )
    if any(size.get(row) == 1 for row in kept):
        return kept
    return kept | {r for r, x in labels.items() if size.get(r) == 1 and x.lower() in _ALONE}
