"""One curve is one configuration: rows that differ in a setting are curves of their own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ray_bench.errors import AnalysisError
from ray_bench.reading.choices import Choices
from ray_bench.reading.settings import label_of, settings_of
from ray_bench.reading.synonyms import Meaning, Role
from ray_bench.reading.table import Table, listed, options

#: What a run with one worker is called beside methods of several: it is the first point of each.
_ALONE_WORDS = (
    "single none baseline base serial sequential local single-gpu single_gpu singlegpu 1gpu "
    "no single-device single_device single-process single-node n/a na - nodist off"
)
_ALONE = frozenset(_ALONE_WORDS.split())
#: More curves than that are no comparison; a column that is no setting makes them.
MAX_CURVES = 40


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
    columns, differing = settings_of(table, found, size, choices, roles)
    if not columns:
        return [Configuration(name="", settings={}, rows=list(size))], []
    return _named(table, _groups(columns, list(size)), size, list(columns), differing)


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
    labels = {row: label_of(table.columns[column][row]) for row in range(table.num_rows)}
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
