"""Accuracy by world size and learning-rate rule, and its difference to the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ray_bench.analysis.parity.outcomes import Cell
from ray_bench.analysis.parity.runs import LOST
from ray_bench.analysis.times import mean
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import COVERAGE_FRAC, Estimate
from ray_bench.stats.means import mean_variance, satterthwaite_df, t_quantile

Tables = Mapping[str, Mapping[str, np.ndarray]]

#: Standard errors that a two-sided 95 % interval of a normal variable reaches.
_Z = NormalDist().inv_cdf(0.5 + COVERAGE_FRAC / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyRow:
    """Means over the runs (seeds and repeats) of one world size and rule that came to their end."""

    world_size: int
    lr_rule: str
    lr: float | None
    num_runs: int
    num_seeds: int
    num_all_seeds: int  # those included of which no run came to its end
    num_diverged: int  # seeds
    num_stopped: int  # seeds, as hopeless
    train_frac: float | None
    val: Estimate | None  # final validation accuracy, a fraction
    best_val_frac: float | None
    convergence_epoch: float | None
    difference: Estimate | None  # of final validation accuracy to the baseline of the same rule


def accuracy_rows(runs: Sequence[RunRecord], epochs: Tables) -> tuple[AccuracyRow, ...]:
    """Return a row for every world size and rule; none where no run has an accuracy.

    Args:
        runs: Of one group; those that diverged or were stopped are counted, and in no mean.
        epochs: Columns of the table `epochs` by run.
    """
    known = [run for run in runs if run.is_finished and _has_accuracy(run)]
    lost = [run for run in runs if run.status in LOST] if known else []
    by_cell: dict[Cell, list[RunRecord]] = {}
    for run in known:
        by_cell.setdefault(_cell(run), []).append(run)
    smallest = min((size for size, _ in by_cell), default=0)
    rows = []
    for cell in sorted({_cell(run) for run in (*known, *lost)}):
        # Every rule gives the same learning rate at the baseline; its own runs come first.
        baseline = by_cell.get((smallest, cell[1])) or [r for r in known if _size(r) == smallest]
        gone = [run for run in lost if _cell(run) == cell]
        rows.append(
            _row(by_cell.get(cell, []), gone, None if cell[0] == smallest else baseline, epochs)
        )
    return tuple(rows)


def _cell(run: RunRecord) -> Cell:
    return run.point.world_size, run.point.rule


def _size(run: RunRecord) -> int:
    return run.point.world_size


def _has_accuracy(run: RunRecord) -> bool:
    return run.final_val_accuracy_frac is not None or run.final_train_accuracy_frac is not None


def _row(
    runs: Sequence[RunRecord],
    lost: Sequence[RunRecord],
    baseline: Sequence[RunRecord] | None,
    epochs: Tables,
) -> AccuracyRow:
    point = (*runs, *lost)[0].point
    return AccuracyRow(
        world_size=point.world_size,
        lr_rule=point.rule,
        lr=point.lr,
        num_runs=len(runs),
        num_seeds=_num_seeds(runs),
        num_all_seeds=_num_seeds([*runs, *lost]),
        num_diverged=_num_seeds([run for run in lost if run.status == "diverged"]),
        num_stopped=_num_seeds([run for run in lost if run.status == "stopped"]),
        train_frac=mean(run.final_train_accuracy_frac for run in runs),
        val=accuracy(runs),
        best_val_frac=mean(run.best_val_accuracy_frac for run in runs),
        convergence_epoch=mean(_run_convergence(run, epochs) for run in runs),
        difference=None if baseline is None else difference(runs, baseline),
    )


def _num_seeds(runs: Sequence[RunRecord]) -> int:
    return len({run.point.seed for run in runs})


def binomial_variance(accuracy_frac: float, num_samples: int) -> float:
    """Return the variance of a share of correct answers, p (1 - p) / n with n = samples + 4.

    p counts two right and two wrong answers more, so that a perfect score is not without error
    (Agresti and Coull 1998, The American Statistician 52).
    """
    adjusted = (accuracy_frac * num_samples + 2) / (num_samples + 4)
    return adjusted * (1 - adjusted) / (num_samples + 4)


def convergence_epoch(val_accuracy_frac: np.ndarray, num_val_samples: int) -> int | None:
    """Return the first epoch, from 1, that cannot be told from the run's best.

    That is the first whose validation accuracy is within one binomial standard error of the best.
    `val_accuracy_frac` has shape (num_epochs,); NaN where there was no evaluation.
    """
    if not np.isfinite(val_accuracy_frac).any():
        return None
    best = float(np.nanmax(val_accuracy_frac))
    near = val_accuracy_frac >= best - math.sqrt(binomial_variance(best, num_val_samples))
    return int(np.flatnonzero(near)[0]) + 1


def _run_convergence(run: RunRecord, epochs: Tables) -> int | None:
    table = epochs.get(run.run_id)
    if table is None or not run.num_val_samples:
        return None
    order = np.argsort(table["epoch"])
    values = np.array(table["val_accuracy_frac"][order].tolist(), dtype=float)
    found = convergence_epoch(values, run.num_val_samples)
    return None if found is None else int(table["epoch"][order][found - 1])


def difference(runs: Sequence[RunRecord], baseline: Sequence[RunRecord]) -> Estimate | None:
    """Return the difference of mean final validation accuracy, with an interval.

    Half-width^2 = z^2 (binomial of both) + t^2 (spread over seeds of both). The validation set is
    the same in all runs, so more runs do not shrink the binomial part. Repeats of a seed train the
    same model again, so they do not count as independent. One seed: its spread is unknown and the
    interval is too narrow; the report says so.
    """
    ours, theirs = _finals(runs), _finals(baseline)
    if not len(ours) or not len(theirs):
        return None
    num_val = runs[0].num_val_samples
    value = float(ours.mean() - theirs.mean())
    if not num_val:
        return Estimate(value)
    binomial = sum(binomial_variance(float(x.mean()), num_val) for x in (ours, theirs))
    spread, df = _spread(ours, theirs)
    reach = math.sqrt(_Z**2 * binomial + (t_quantile(df) ** 2 * spread if df else 0.0))
    return Estimate(value, value - reach, value + reach)


def accuracy(runs: Sequence[RunRecord]) -> Estimate | None:
    """Return the mean final validation accuracy with an interval, built as that of `difference`."""
    finals = _finals(runs)
    if not len(finals):
        return None
    num_val = runs[0].num_val_samples
    value = float(finals.mean())
    if not num_val:
        return Estimate(value)
    spread, df = _spread(finals)
    binomial = _Z**2 * binomial_variance(value, num_val)
    reach = math.sqrt(binomial + (t_quantile(df) ** 2 * spread if df else 0.0))
    return Estimate(value, max(0.0, value - reach), min(1.0, value + reach))


def _finals(runs: Sequence[RunRecord]) -> np.ndarray:
    """Return the final validation accuracy of every seed, the mean over its repeats."""
    by_seed: dict[int | None, list[float]] = {}
    for run in runs:
        if run.final_val_accuracy_frac is not None:
            by_seed.setdefault(run.point.seed, []).append(run.final_val_accuracy_frac)
    return np.array([float(np.mean(found)) for found in by_seed.values()])


def _spread(*samples: np.ndarray) -> tuple[float, float]:
    """Return the variance of a sum or difference of means over seeds, and Welch's df."""
    parts = [part for part in map(mean_variance, samples) if part is not None]
    if len(parts) < len(samples):
        return 0.0, 0.0
    return sum(variance for variance, _ in parts), satterthwaite_df(parts)
