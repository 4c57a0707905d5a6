"""What training came to, seed by seed: its final quality, and the samples that a target took."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.config.metric_target import MetricTarget
from ray_bench.records import RunRecord

Tables = Mapping[str, Mapping[str, np.ndarray]]
#: World size and learning-rate rule.
Cell = tuple[int, str]
#: accuracy: a fraction, the larger the better. loss: the smaller the better.
Quality = Literal["accuracy", "loss"]

ACCURACY = "val_accuracy_frac"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How a run came to the target, by its evaluations. Samples and seconds are from the start."""

    epoch: float | None  # of the first evaluation at the target; None: no evaluation was
    samples: float | None
    samples_before: float  # at the evaluation before it, 0 at the first
    train_s: float | None  # training steps alone
    with_eval_s: float | None  # evaluations included; start-up never is
    seen: float  # samples at the last evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One seed at one world size and rule; repeats of a seed train the same model again."""

    seed: int
    quality: float | None  # accuracy, or ln loss; the mean over repeats
    is_diverged: bool  # one of the repeats was
    num_val_samples: int | None
    reached: Reached | None  # of the first repeat that was evaluated


def quality_of(runs: Sequence[RunRecord]) -> Quality | None:
    """Return what final quality is measured by: accuracy where runs have one, else the loss."""
    if any(run.final_val_accuracy_frac is not None for run in runs):
        return "accuracy"
    return "loss" if any(run.final_val_loss for run in runs) else None


def outcomes(
    runs: Sequence[RunRecord],
    epochs: Tables,
    quality: Quality | None,
    target: MetricTarget | None,
) -> dict[Cell, tuple[Outcome, ...]]:
    """Return the outcomes by world size and rule, seeds ascending.

    Args:
        runs: Finished and diverged ones, of one group of comparable runs.
        epochs: Columns of the table `epochs` by run.
        quality: What final quality is measured by.
        target: Of a column of that table; None leaves `reached` out.
    """
    by_cell: dict[Cell, list[RunRecord]] = {}
    for run in runs:
        by_cell.setdefault((run.point.world_size, run.point.rule_label), []).append(run)
    return {
        cell: by_seed(found, epochs, quality, target) for cell, found in sorted(by_cell.items())
    }


def by_seed(
    runs: Sequence[RunRecord],
    epochs: Tables,
    quality: Quality | None,
    target: MetricTarget | None,
) -> tuple[Outcome, ...]:
    """Return the outcome of every seed, ascending."""
    seeds: dict[int, list[RunRecord]] = {}
    for run in runs:
        seeds.setdefault(seed_of(run), []).append(run)
    return tuple(_outcome(seeds[s], epochs, quality, target) for s in sorted(seeds))


def seed_of(run: RunRecord) -> int:
    """Return the seed; runs of a script that does not tell it count as one, never as several."""
    return -1 if run.point.seed is None else run.point.seed


def _outcome(
    runs: Sequence[RunRecord], epochs: Tables, quality: Quality | None, target: MetricTarget | None
) -> Outcome:
    values = [x for x in (_quality(run, quality) for run in runs) if x is not None]
    found = [reached(epochs.get(run.run_id), target) for run in runs if target is not None]
    return Outcome(
        seed=seed_of(runs[0]),
        quality=float(np.mean(values)) if values else None,
        is_diverged=any(run.status == "diverged" for run in runs),
        num_val_samples=next((run.num_val_samples for run in runs if run.num_val_samples), None),
        reached=next((x for x in found if x is not None), None),
    )


def _quality(run: RunRecord, quality: Quality | None) -> float | None:
    if run.status == "diverged" or quality is None:
        return None
    if quality == "accuracy":
        found = run.final_val_accuracy_frac
        return found if found is not None and math.isfinite(found) else None
    loss = run.final_val_loss
    return math.log(loss) if loss is not None and 0 < loss < math.inf else None


def reached(table: Mapping[str, np.ndarray] | None, target: MetricTarget | None) -> Reached | None:
    """Return how a run came to a target; None where it was never evaluated for it.

    Args:
        table: Columns of its epochs, each of shape (num_epochs,).
        target: Of one of the columns.
    """
    if table is None or target is None or target.metric not in table:
        return None
    order = np.argsort(table["epoch"])
    values = np.array(table[target.metric][order].tolist(), dtype=float)
    at = np.flatnonzero(np.isfinite(values))  # evaluations
    if not len(at):
        return None
    samples, train_s = (
        np.cumsum(_column(table, name)[order]) for name in ("num_samples", "train_s")
    )
    eval_s = _column(table, "eval_s")[order]
    # An epoch without an evaluation has no time of one; an evaluation of unknown length stays so.
    eval_s = np.cumsum(np.where(np.isfinite(values), eval_s, np.nan_to_num(eval_s)))
    first = target.first(values[at].tolist())
    if first is None:
        return Reached(
            epoch=None,
            samples=None,
            samples_before=float(samples[at[-1]]),
            train_s=None,
            with_eval_s=None,
            seen=float(samples[at[-1]]),
        )
    i = at[first]
    return Reached(
        epoch=float(table["epoch"][order][i]),
        samples=float(samples[i]),
        samples_before=float(samples[at[first - 1]]) if first else 0.0,
        train_s=_known(train_s[i]),
        with_eval_s=_known(train_s[i] + eval_s[i]),
        seen=float(samples[at[-1]]),
    )


def _column(table: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return a column as floats, None as NaN; NaN where an older version had none."""
    if name not in table:
        return np.full(len(table["epoch"]), np.nan)
    return np.array(table[name].tolist(), dtype=float)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) and value > 0 else None
