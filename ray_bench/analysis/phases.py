"""Where the time of a step goes, and which phase gains how much from more workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ray_bench.analysis.batches import batch_by_size
from ray_bench.analysis.columns import codes_of, pair_keys
from ray_bench.analysis.sync import EXPOSED_PHASES
from ray_bench.records import PHASES, RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import mean_estimate

#: The phase pass and the throughput pass may differ by this share before the report warns.
TOLERANCE_FRAC = 0.10

#: Below this share of the baseline's time a total saving is too small to be split up.
_MIN_SAVING_FRAC = 0.01

Tables = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSplit:
    """Seconds of one step by phase: mean over ranks, sampled steps and runs of a world size."""

    world_size: int
    global_batch_size: float  # samples of all workers in a step, as they were counted
    step_s: Mapping[str, float]  # in the order of PHASES; a phase that never happened is left out
    step: Mapping[str, Estimate]  # the same, with t-intervals over runs where there are several
    total: Estimate
    exposed: Estimate | None  # waiting for gradients: skew and transfer; None without DDP

    @property
    def total_s(self) -> float:
        """The wall time of a sampled step: its phases add up to it."""
        return sum(self.step_s.values())

    def share(self, phase: str) -> float:
        """Return a phase's share of the step."""
        return self.step_s.get(phase, 0.0) / self.total_s

    def per_sample_s(self, phase: str) -> float:
        """Return seconds per sample of the global batch: comparable in weak and strong scaling."""
        return self.step_s.get(phase, 0.0) / self.global_batch_size

    def differs_from(self, step_time_s: float) -> bool:
        """Return whether the throughput pass had a clearly different step time."""
        return abs(self.total_s / step_time_s - 1) > TOLERANCE_FRAC


def run_phases(table: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return seconds by phase of one run: mean over ranks and sampled steps.

    A phase that took no time in any step did not happen, and is left out.
    """
    steps = len(np.unique(pair_keys(table["rank"], table["step"])))
    codes, names = codes_of(table["phase"].tolist())
    totals = np.bincount(codes, weights=table["duration_s"].astype(float))
    seconds = zip(names, totals, strict=True)
    return {str(name): float(total) / steps for name, total in seconds if total > 0}


def phase_splits(runs: Sequence[RunRecord], tables: Tables) -> tuple[PhaseSplit, ...]:
    """Return a split for every world size that has sampled steps, ascending."""
    by_size: dict[int, list[dict[str, float]]] = {}
    batch = batch_by_size(runs)
    for run in runs:
        if run.run_id in tables:
            by_size.setdefault(run.point.world_size, []).append(run_phases(tables[run.run_id]))
    splits = [_split(n, batch[n], by_size[n]) for n in sorted(by_size)]
    return tuple(split for split in splits if split.total_s > 0)


def _split(size: int, batch: float, found: Sequence[Mapping[str, float]]) -> PhaseSplit:
    names = dict.fromkeys(name for phases in found for name in phases)
    order = [name for name in PHASES if name in names] + [n for n in names if n not in PHASES]
    step = {name: _mean([x.get(name, 0.0) for x in found]) for name in order}
    return PhaseSplit(
        world_size=size,
        global_batch_size=batch,
        step_s={name: seconds.value for name, seconds in step.items()},
        step=step,
        total=_mean([sum(x.values()) for x in found]),
        exposed=_exposed(found),
    )


def _exposed(found: Sequence[Mapping[str, float]]) -> Estimate | None:
    if not any(phases.keys() & set(EXPOSED_PHASES) for phases in found):
        return None
    return _mean([sum(x.get(phase, 0.0) for phase in EXPOSED_PHASES) for x in found])


def _mean(values: Sequence[float]) -> Estimate:
    """Return the mean with a t-interval, cut off at 0; without one where there is one value."""
    if not any(values):
        return Estimate(0.0)
    found = mean_estimate(values)
    return found if found.low is None else replace(found, low=max(0.0, found.low))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseGain:
    """One phase at a world size against the baseline, for the same number of samples."""

    phase: str
    before_s: float  # seconds per sample
    after_s: float
    speedup: float | None  # None where the phase takes no time on one side
    contribution_frac: float | None  # share of the saved time; all phases add up to 1


def phase_gains(split: PhaseSplit, baseline: PhaseSplit) -> tuple[PhaseGain, ...]:
    """Return what every phase contributes to the saved time; negative if it costs time.

    contribution = (before - after) / (sum of before - sum of after). Where less than 1 % is saved
    in total there is nothing to split up, and the contribution is None.
    """
    names = dict.fromkeys([*baseline.step_s, *split.step_s])
    order = [n for n in PHASES if n in names] + [n for n in names if n not in PHASES]
    before = baseline.total_s / baseline.global_batch_size
    saved = before - split.total_s / split.global_batch_size
    total = saved if saved > _MIN_SAVING_FRAC * before else None
    return tuple(_gain(name, baseline, split, total) for name in order)


def _gain(name: str, baseline: PhaseSplit, split: PhaseSplit, saved: float | None) -> PhaseGain:
    before, after = baseline.per_sample_s(name), split.per_sample_s(name)
    return PhaseGain(
        phase=name,
        before_s=before,
        after_s=after,
        speedup=before / after if before > 0 and after > 0 else None,
        contribution_frac=None if saved is None else (before - after) / saved,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """What more workers add to an epoch's worth of samples, seconds per sample."""

    sync_s: float  # waiting for the slowest rank and for exposed transfer, beyond the baseline's
    coordination_s: float  # `other` beyond the baseline's share
    total_frac: float  # of both, of the step


def overhead(split: PhaseSplit, baseline: PhaseSplit) -> Overhead:
    """Return what is there beside the work itself and grows with the workers.

    Ideal scaling divides the baseline's seconds by N / b; what is beyond that is overhead. Negative
    if there is less.
    """
    lost = lost_s(split, baseline)
    sync = sum(lost.get(phase, 0.0) for phase in EXPOSED_PHASES)
    coordination = lost.get("other", 0.0)
    return Overhead(
        sync_s=sync / split.global_batch_size,
        coordination_s=coordination / split.global_batch_size,
        total_frac=(sync + coordination) / split.total_s,
    )


def lost_s(split: PhaseSplit, baseline: PhaseSplit) -> dict[str, float]:
    """Return seconds per step by phase beyond ideal scaling from the baseline.

    Ideal: the seconds per sample of every phase shrink as b / N.
    """
    shrink = baseline.world_size / split.world_size * split.global_batch_size
    names = dict.fromkeys([*baseline.step_s, *split.step_s])
    return {n: split.step_s.get(n, 0.0) - baseline.per_sample_s(n) * shrink for n in names}
