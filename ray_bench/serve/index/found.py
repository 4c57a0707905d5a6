"""The sweeps that fit a question, in order, with what can be asked further."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ray_bench.serve.index.asked import Asked, SortKey
from ray_bench.serve.index.rows import SweepRow
from ray_bench.store.summary import State


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """A page of sweeps; the same object as long as nothing changes.

    Attributes:
        asked: What was asked, with the number of a page that there is.
        rows: On this page.
        num_all: Sweeps in the store.
        num_fitting: Of them fit.
        num_pages: At least 1.
        num_by_state: How many fit in all but the state.
        workloads: Of all sweeps; so are the next two.
        hardware: In words.
        tags: The most used first.
        differing: Settings that are not the same in all sweeps on this page.
    """

    asked: Asked
    rows: tuple[SweepRow, ...]
    num_all: int
    num_fitting: int
    num_pages: int
    num_by_state: Mapping[State, int]
    workloads: tuple[str, ...]
    hardware: tuple[str, ...]
    tags: tuple[str, ...]
    differing: tuple[str, ...]


def found_of(rows: Sequence[SweepRow], asked: Asked) -> Found:
    """Return what fits.

    Args:
        rows: All sweeps, newest first.
        asked: The question.
    """
    but_state = [x for x in rows if _fits(x, asked, asked.words.lower().split())]
    fitting = [x for x in but_state if asked.state in (None, x.state)]
    num_pages = max(1, -(-len(fitting) // asked.per_page))
    number = min(asked.page, num_pages)
    start = (number - 1) * asked.per_page
    shown = _ordered(fitting, asked)[start : start + asked.per_page]
    return Found(
        asked=replace(asked, page=number),
        rows=tuple(shown),
        num_all=len(rows),
        num_fitting=len(fitting),
        num_pages=num_pages,
        num_by_state=Counter(x.state for x in but_state),
        workloads=_values(x.workload for x in rows),
        hardware=_values(x.hardware for x in rows),
        tags=tuple(x for x, _ in Counter(t for r in rows for t in r.labels.tags).most_common()),
        differing=differing(shown),
    )


def differing(rows: Sequence[SweepRow]) -> tuple[str, ...]:
    """Return the settings that are not the same in all rows, in the order of the configuration."""
    keys = dict.fromkeys(key for row in rows for key in row.settings)
    return tuple(key for key in keys if len({row.settings.get(key) for row in rows}) > 1)


def _fits(row: SweepRow, asked: Asked, words: Sequence[str]) -> bool:
    day = row.created_at_utc.date()
    return (
        asked.workload in (None, row.workload)
        and asked.hardware in (None, row.hardware)
        and (asked.tag is None or asked.tag in row.labels.tags)
        and (asked.since is None or day >= asked.since)
        and (asked.until is None or day <= asked.until)
        and all(word in row.searched for word in words)
    )


def _ordered(rows: Sequence[SweepRow], asked: Asked) -> Sequence[SweepRow]:
    """Return rows in order; those without a value come last, equal ones newest first."""
    if asked.sort == "measured":
        return rows if asked.is_descending else rows[::-1]
    of = _KEYS[asked.sort]
    valued = [(of(row), row) for row in rows]
    known = [(value, row) for value, row in valued if value is not None]
    known.sort(key=lambda item: item[0], reverse=asked.is_descending)
    return [row for _, row in known] + [row for value, row in valued if value is None]


def figure(row: SweepRow, key: str) -> float | None:
    """Return a number of the answer; None where there is none."""
    found = row.figures.get(key)
    return found.value if found is not None and isinstance(found.value, float) else None


_KEYS: Mapping[SortKey, Callable[[SweepRow], Any]] = {
    "sweep": lambda row: (row.title.lower(), row.sweep_id),
    "state": lambda row: row.state,
    "workers": lambda row: None if row.answer is None else row.answer.world_size,
    "speedup": lambda row: figure(row, "speedup"),
    "efficiency": lambda row: figure(row, "efficiency"),
    "time": lambda row: figure(row, "run_time"),
    "cost": lambda row: figure(row, "cost"),
}


def _values(found: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({x for x in found if x}, key=str.lower))
