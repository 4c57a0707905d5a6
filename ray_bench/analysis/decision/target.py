"""Epochs to a target accuracy, as measured. Where a run did not get there, it is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.records import RunRecord
from ray_bench.stats.log_estimate import LogEstimate, log_means

Tables = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """Epochs to the target at one world size, by the rule that needed fewest."""

    world_size: int
    lr_rule: str
    epochs: LogEstimate | None  # None: not every run got there, under any rule
    num_reached: int
    num_runs: int


def default_target(runs: Sequence[RunRecord], epochs: Tables) -> float | None:
    """Return the validation accuracy that every run reached, by the best rule of its world size."""
    least: dict[tuple[int, str], float] = {}
    for run in runs:
        best = _best(run, epochs)
        if best is not None:
            cell = run.point.world_size, run.point.rule
            least[cell] = min(best, least.get(cell, best))
    sizes = {size for size, _ in least}
    return min((max(x for (n, _), x in least.items() if n == size) for size in sizes), default=None)


def convergence(
    runs: Sequence[RunRecord], epochs: Tables, target_frac: float
) -> dict[int, Convergence]:
    """Return how many epochs every world size took to the target.

    Rules are not mixed: of those under which every run got there, the one with fewest epochs on
    average counts. The time between two evaluations is the resolution.
    """
    cells: dict[tuple[int, str], list[int | None]] = {}
    for run in runs:
        if _best(run, epochs) is not None:
            cell = cells.setdefault((run.point.world_size, run.point.rule), [])
            cell.append(epochs_to(run, epochs, target_frac))
    full = {key: [x for x in found if x] for key, found in cells.items() if all(found)}
    means = dict(zip(full, log_means(list(full.values())), strict=True)) if full else {}
    rows = {}
    for size in sorted({n for n, _ in cells}):
        rules = [rule for n, rule in cells if n == size]
        rule = min(rules, key=lambda r: means[size, r].log_mean if (size, r) in means else np.inf)
        found = cells[size, rule]
        rows[size] = Convergence(
            world_size=size,
            lr_rule=rule,
            epochs=means.get((size, rule)),
            num_reached=sum(x is not None for x in found),
            num_runs=len(found),
        )
    return rows


def epochs_to(run: RunRecord, epochs: Tables, target_frac: float) -> int | None:
    """Return the first epoch of a run whose validation accuracy is the target or more."""
    curve = _curve(run, epochs)
    if curve is None:
        return None
    number, accuracy = curve
    there = np.flatnonzero(accuracy >= target_frac)
    return int(number[there[0]]) if len(there) else None


def _best(run: RunRecord, epochs: Tables) -> float | None:
    curve = _curve(run, epochs)
    if curve is None or not np.isfinite(curve[1]).any():
        return None
    return float(np.nanmax(curve[1]))


def _curve(run: RunRecord, epochs: Tables) -> tuple[np.ndarray, np.ndarray] | None:
    table = epochs.get(run.run_id)
    if table is None:
        return None
    order = np.argsort(table["epoch"])
    accuracy = np.array(table["val_accuracy_frac"][order].tolist(), dtype=float)
    return table["epoch"][order], accuracy
