"""The gradient noise scale over training: from the squared norms of every step, by epoch.

The moments of an epoch are means over its steps and over seeds, and are divided then: a ratio of
single steps is not to be used. Its interval is Fieller's over seeds, whose epochs are independent;
the steps of one epoch are not. Statistical efficiency is that of Pollux (Qiao et al. 2021, OSDI,
section 3.1), at every epoch by its own noise scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.batches import step_samples
from ray_bench.analysis.noise_scale import fieller
from ray_bench.analysis.parity.goodput import efficiency_frac
from ray_bench.analysis.times import mean
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate

Tables = Mapping[str, Mapping[str, np.ndarray]]
_MOMENTS = ("grad_mean_sq", "grad_variance")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseEpoch:
    """One epoch at one world size and learning-rate rule, over seeds."""

    world_size: int
    lr_rule: str
    epoch: int
    num_samples: float | None  # seen by its end, over all ranks; a mean over seeds
    global_batch_size: int
    num_seeds: int
    noise_scale: Estimate | None  # samples; no bounds of one seed, None: |G|^2 is not told from 0
    efficiency_frac: Estimate | None  # progress of a sample against one in the baseline's batch


def noise_curve(runs: Sequence[RunRecord], epochs: Tables) -> tuple[NoiseEpoch, ...]:
    """Return the noise scale of every epoch in which it was measured, epochs ascending.

    Args:
        runs: Of one group.
        epochs: Columns of the table `epochs` by run.
    """
    cells: dict[tuple[int, str], dict[int | None, RunRecord]] = {}
    for run in runs:
        if _moments(epochs.get(run.run_id)):
            cell = cells.setdefault((run.point.world_size, run.point.rule_label), {})
            cell.setdefault(run.point.seed, run)  # repeats of a seed train the same model again
    if not cells:
        return ()
    smallest = min(run.point.world_size for run in runs)  # 1 worker, of which no norms are known
    base = step_samples([run for run in runs if run.point.world_size == smallest])
    return tuple(
        row
        for (size, rule), by_seed in sorted(cells.items())
        for row in _rows(size, rule, list(by_seed.values()), epochs, base)
    )


def _rows(
    size: int, rule: str, runs: Sequence[RunRecord], epochs: Tables, base_batch: float
) -> list[NoiseEpoch]:
    found = [_moments(epochs[run.run_id]) for run in runs]
    seen = [_seen(epochs[run.run_id]) for run in runs]
    batch = step_samples(runs)
    rows = []
    for epoch in sorted({n for x in found for n in x}):
        pairs = np.array([x[epoch] for x in found if epoch in x])
        scale = _ratio(pairs)
        rows.append(
            NoiseEpoch(
                world_size=size,
                lr_rule=rule,
                epoch=epoch,
                num_samples=mean(x[epoch] for x in seen if epoch in x),
                global_batch_size=round(batch),
                num_seeds=len(pairs),
                noise_scale=scale,
                efficiency_frac=None
                if scale is None
                else scale.mapped(lambda phi: efficiency_frac(phi, batch, base_batch)),
            )
        )
    return rows


def _ratio(pairs: np.ndarray) -> Estimate | None:
    """Return tr(Sigma) / |G|^2 of the means over seeds; `pairs` has shape (num_seeds, 2)."""
    mean_sq, variance = (float(x) for x in pairs.mean(axis=0))
    if len(pairs) < 2:
        return Estimate(variance / mean_sq) if mean_sq > 0 and variance > 0 else None
    return fieller(mean_sq, variance, np.cov(pairs.T) / len(pairs), len(pairs) - 1)


def _seen(table: Mapping[str, np.ndarray]) -> dict[int, float]:
    """Return the samples that were seen by the end of every epoch."""
    if "num_samples" not in table:
        return {}
    seen = np.cumsum(np.array(table["num_samples"], dtype=float))
    pairs = zip(table["epoch"].tolist(), seen.tolist(), strict=True)
    return {int(n): x for n, x in pairs if math.isfinite(x)}


def _moments(table: Mapping[str, np.ndarray] | None) -> dict[int, tuple[float, float]]:
    """Return |G|^2 and tr(Sigma) by epoch, where they are known."""
    if table is None or any(name not in table for name in _MOMENTS):
        return {}
    values = np.array([table[name].tolist() for name in _MOMENTS], dtype=float).T
    pairs = zip(table["epoch"].tolist(), values, strict=True)
    return {int(n): (float(x[0]), float(x[1])) for n, x in pairs if np.isfinite(x).all()}
