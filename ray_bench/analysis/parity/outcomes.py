"""What training came to, seed by seed: its final quality, and the samples that a target took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.analysis.parity.history import Histories, History
from ray_bench.analysis.parity.runs import LOST
from ray_bench.config.metric_target import MetricTarget
from ray_bench.records import RunRecord

#: World size and learning-rate rule, or several with / between them that are one training.
Cell = tuple[int, str]
#: accuracy: a fraction, the larger the better. loss: the smaller the better.
Quality = Literal["accuracy", "loss"]

#: With fewer seeds on a side nothing is claimed, whatever their spread seems to be.
MIN_SEEDS = 3


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
    is_diverged: bool  # one of the repeats was, or was stopped as hopeless
    is_stopped: bool  # one of the repeats was
    num_val_samples: int | None
    reached: Reached | None  # of the first repeat that was evaluated


def quality_of(runs: Sequence[RunRecord]) -> Quality | None:
    """Return what final quality is measured by: accuracy where runs have one, else the loss."""
    if any(run.final_val_accuracy_frac is not None for run in runs):
        return "accuracy"
    return "loss" if any(run.final_val_loss for run in runs) else None


def by_seed(
    runs: Sequence[RunRecord],
    found: Histories,
    quality: Quality | None,
    target: MetricTarget | None,
) -> tuple[Outcome, ...]:
    """Return the outcome of every seed, ascending.

    Args:
        runs: Finished and diverged ones, of one training of one world size.
        found: Evaluations by run.
        quality: What final quality is measured by.
        target: None leaves `reached` out.
    """
    seeds: dict[int, list[RunRecord]] = {}
    for run in runs:
        seeds.setdefault(seed_of(run), []).append(run)
    return tuple(_outcome(seeds[s], found, quality, target) for s in sorted(seeds))


def seed_of(run: RunRecord) -> int:
    """Return the seed; runs of a script that does not tell it count as one, never as several."""
    return -1 if run.point.seed is None else run.point.seed


def _outcome(
    runs: Sequence[RunRecord],
    found: Histories,
    quality: Quality | None,
    target: MetricTarget | None,
) -> Outcome:
    values = [x for x in (_quality(run, quality) for run in runs) if x is not None]
    ways = [reached(found.get(run.run_id), target) for run in runs if target is not None]
    return Outcome(
        seed=seed_of(runs[0]),
        quality=_mean(values) if values else None,
        is_diverged=any(run.status in LOST for run in runs),
        is_stopped=any(run.status == "stopped" for run in runs),
        num_val_samples=next((run.num_val_samples for run in runs if run.num_val_samples), None),
        reached=next((x for x in ways if x is not None), None),
    )


def _mean(values: Sequence[float]) -> float:
    """Return the mean, which of equal values is their value to the last digit."""
    return values[0] + math.fsum(x - values[0] for x in values) / len(values)


def _quality(run: RunRecord, quality: Quality | None) -> float | None:
    if run.status in LOST or quality is None:
        return None
    if quality == "accuracy":
        found = run.final_val_accuracy_frac
        return found if found is not None and math.isfinite(found) else None
    loss = run.final_val_loss
    return math.log(loss) if loss is not None and 0 < loss < math.inf else None


def reached(history: History | None, target: MetricTarget | None) -> Reached | None:
    """Return how a run came to a target; None where it was never evaluated for it.

    It is there at the first evaluation that shows it: nothing is interpolated, and by how many
    samples it may have been there earlier is `samples - samples_before`.
    """
    values = None if history is None or target is None else history.values(target)
    if history is None or target is None or values is None:
        return None
    at = np.flatnonzero(np.isfinite(values))
    first, seen = target.first(values[at].tolist()), float(history.samples[at[-1]])
    if first is None:
        return Reached(
            epoch=None,
            samples=None,
            samples_before=seen,
            train_s=None,
            with_eval_s=None,
            seen=seen,
        )
    i = at[first]
    return Reached(
        epoch=float(history.epoch[i]),
        samples=float(history.samples[i]),
        samples_before=float(history.samples[at[first - 1]]) if first else 0.0,
        train_s=_known(history.train_s[i]),
        with_eval_s=_known(history.with_eval_s[i]),
        seen=seen,
    )


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) and value > 0 else None
