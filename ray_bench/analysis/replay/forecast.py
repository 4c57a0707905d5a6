"""The predicted curve: a measured step, DDP's schedule, and a network.

    T_N = data + forward + loss + max(T_backward, f_K) + optimizer and rest + skew(N)

f_K is when the last bucket is reduced (schedule.py), skew(N) = s E[max of N normals] (skew.py).
Exposed communication is max(0, f_K - T_backward). Intervals are quantiles of draws of everything
that has an interval, and of a stated model error.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.decision.choose import Field
from ray_bench.analysis.replay.cost import Network, Wire
from ray_bench.analysis.replay.links import LinkValues
from ray_bench.analysis.replay.profile import StepProfile
from ray_bench.analysis.replay.skew import expected_max
from ray_bench.records import Scaling
from ray_bench.stats.buckets import last_reduced_s
from ray_bench.stats.estimate import Estimate

#: Replays of this kind are mostly within 10 % of the truth (Zhu et al. 2020, Daydream, USENIX ATC).
MODEL_ERROR_FRAC = 0.10
#: Further from the measured world size it may be more: a walk with this deviation a doubling.
DOUBLING_SD = 0.02
NUM_DRAWS = 2000
DEFAULT_LARGEST = 1024
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The network to predict for, and which batch is fixed."""

    network: Network
    within: LinkValues
    between: LinkValues | None
    scaling: Scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedStep:
    """One world size, predicted; where it was measured too, both."""

    world_size: int
    num_nodes: int
    local_batch: float
    step_s: Estimate
    throughput: Estimate  # samples/s
    speedup: Estimate  # over the measured world size that the prediction starts from
    efficiency_frac: Estimate
    sync_s: Estimate  # all-reduces, one after the other
    exposed_s: Estimate  # of these, what the backward pass does not hide
    skew_s: float
    hiding_bytes_per_s: float | None  # ring bandwidth that would hide all but the last bucket
    measured_step_s: Estimate | None  # None too where the prediction starts

    @property
    def error_frac(self) -> float | None:
        """Predicted / measured - 1."""
        if self.measured_step_s is None:
            return None
        return self.step_s.value / self.measured_step_s.value - 1


def default_sizes(profile: StepProfile, largest: int = DEFAULT_LARGEST) -> tuple[int, ...]:
    """Return doublings of the measured world size up to `largest`."""
    doublings = max(0, math.floor(math.log2(largest / profile.world_size)))
    return tuple(profile.world_size * 2**k for k in range(doublings + 1))


def predicted_steps(
    profile: StepProfile, question: Question, sizes: Sequence[int], measured: Curve | None = None
) -> tuple[PredictedStep, ...]:
    """Return a prediction for every world size, ascending; those with an empty batch are left out.

    Args:
        profile: What was measured.
        question: The network, and which batch is fixed.
        sizes: World sizes.
        measured: Throughput, for comparison.
    """
    return tuple(row for row, _ in _replays(profile, question, sizes, measured))


def predicted_field(
    profile: StepProfile,
    question: Question,
    sizes: Sequence[int],
    measured: Curve | None = None,
    run_samples: float | None = None,
) -> tuple[tuple[PredictedStep, ...], Field]:
    """Return a prediction for every world size, and what a choice among them needs.

    The draws of all world sizes are joint: what is uncertain of the link, of the measured runs and
    of the replay itself is the same in all of them.

    Args:
        profile: What was measured.
        question: The network, and which batch is fixed.
        sizes: World sizes, at least one with a batch that is not empty.
        measured: Throughput, for comparison.
        run_samples: Samples that a run trains on; None where that is not known.
    """
    found = _replays(profile, question, sizes, measured)
    rows = tuple(row for row, _ in found)
    return rows, Field(
        sizes=tuple(row.world_size for row in rows),
        log_rate=np.log([row.throughput.value for row in rows]),
        draws=np.stack([log_rate for _, log_rate in found], axis=1),
        samples=None if run_samples is None else np.full(len(rows), run_samples),
    )


def _replays(
    profile: StepProfile, question: Question, sizes: Sequence[int], measured: Curve | None
) -> list[tuple[PredictedStep, np.ndarray]]:
    """Return every prediction with draws of ln samples/s, shape (count,); ascending."""
    draws = _Draws(profile, question)
    return [
        _predicted(profile, question, n, draws, measured)
        for n in sorted(set(sizes))
        if batch_per_worker(profile, question.scaling, n) >= 1
    ]


def batch_per_worker(profile: StepProfile, scaling: Scaling, size: int) -> float:
    """Return the samples per worker at a world size."""
    return profile.global_batch / size if scaling == "strong" else profile.local_batch


@dataclass(frozen=True, slots=True)
class _Parts:
    """Seconds of a step, shape (count,)."""

    step: np.ndarray
    sync: np.ndarray
    exposed: np.ndarray
    skew: np.ndarray


def _replayed(
    profile: StepProfile, network: Network, size: int, factor: np.ndarray, spread: np.ndarray
) -> _Parts:
    """Replay a step.

    Args:
        profile: What was measured.
        network: Links with arrays of shape (count, 1).
        size: World size.
        factor: Compute time with this batch / with the measured one, shape (count,).
        spread: Standard deviation of a worker's time at the measured batch, shape (count,).
    """
    backward = profile.backward_s * factor
    ready = profile.buckets.ready_frac * backward[:, None]
    transfer = network.all_reduce_s(size, profile.buckets.num_bytes)
    end = last_reduced_s(ready, transfer)
    exposed = np.maximum(0.0, end - backward) if size > 1 else np.zeros_like(backward)
    skew = spread * factor * expected_max(size)
    step = profile.fixed_s + profile.before_s * factor + backward + exposed + skew
    sync = np.broadcast_to(transfer.sum(axis=-1), backward.shape)
    return _Parts(step, sync, exposed, skew)


class _Draws:
    """Everything that is uncertain, drawn once for all world sizes."""

    def __init__(self, profile: StepProfile, question: Question) -> None:
        self.rng = np.random.default_rng(0)
        rng, count = self.rng, NUM_DRAWS
        x = profile.throughput
        # The mean of the measured runs, and one new run of the same spread.
        self.mean_log = np.zeros(count)
        self.run_log = np.zeros(count)
        if x.variance is not None and x.df is not None:
            tails = np.sqrt(x.df / rng.chisquare(x.df, count))
            self.mean_log = tails * math.sqrt(x.variance) * rng.standard_normal(count)
            runs = x.num_runs if x.source == "repeats" else 1
            self.run_log = tails * math.sqrt(x.variance * runs) * rng.standard_normal(count)
        self.spread = np.zeros(count)
        if profile.spread is not None:
            df = profile.spread.df
            self.spread = profile.spread.seconds * np.sqrt(df / rng.chisquare(df, count))
        self.within = question.within.draws(rng, count)
        self.between = question.between.draws(rng, count) if question.between else None
        self.level = rng.standard_normal(count)
        self.walk = rng.standard_normal(count)

    def model_log(self, size: int, base: int) -> np.ndarray:
        """Return the log of the model's error: none for the measured worker itself."""
        if size == base == 1:
            return np.zeros(NUM_DRAWS)
        doublings = abs(math.log2(size / base))
        level = math.log1p(MODEL_ERROR_FRAC) / 1.96
        return level * self.level + DOUBLING_SD * math.sqrt(doublings) * self.walk


def _predicted(
    profile: StepProfile, question: Question, size: int, draws: _Draws, measured: Curve | None
) -> tuple[PredictedStep, np.ndarray]:
    batch = batch_per_worker(profile, question.scaling, size)
    one = _one(profile, question, size, batch)
    factors = profile.line.factor_draws(batch, draws.rng, NUM_DRAWS)
    network = question.network.with_wires(draws.within, draws.between)
    many = _replayed(profile, network, size, factors, draws.spread)
    model = draws.model_log(size, profile.world_size)
    step = many.step * np.exp(model + draws.run_log)
    time = step * np.exp(draws.mean_log)
    seconds = _interval(one.step, time)
    samples = batch * size
    # What the measured runs' mean is wrong by is in both sides of a speedup.
    speedup = samples / profile.reference.estimate.value
    ratio = _interval(one.step, step).mapped(lambda t: speedup / t)
    growth = size / profile.world_size
    row = PredictedStep(
        world_size=size,
        num_nodes=question.network.num_nodes(size),
        local_batch=batch,
        step_s=seconds,
        throughput=seconds.mapped(lambda t: samples / t),
        speedup=ratio,
        efficiency_frac=ratio.scaled(1 / growth),
        sync_s=_interval(one.sync, many.sync * np.exp(model)),
        exposed_s=_interval(one.exposed, many.exposed * np.exp(model)),
        skew_s=float(one.skew[0]),
        hiding_bytes_per_s=_hiding(profile, size, profile.line.factor(batch)),
        measured_step_s=_measured(profile, question, size, samples, measured),
    )
    return row, np.log(samples) - np.log(time)


def _one(profile: StepProfile, question: Question, size: int, batch: float) -> _Parts:
    spread = 0.0 if profile.spread is None else profile.spread.seconds
    between = None if question.between is None else _column(question.between.wire)
    network = question.network.with_wires(_column(question.within.wire), between)
    factor = np.array([profile.line.factor(batch)])
    return _replayed(profile, network, size, factor, np.array([spread]))


def _column(wire: Wire) -> Wire:
    return dataclasses.replace(
        wire,
        alpha_s=np.full((1, 1), wire.alpha_s),
        beta_s_per_byte=np.full((1, 1), wire.beta_s_per_byte),
    )


def _interval(value: np.ndarray, draws: np.ndarray) -> Estimate:
    low, high = np.quantile(draws, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    middle = float(value[0])
    return Estimate(middle, min(float(low), middle), max(float(high), middle))


def _hiding(profile: StepProfile, size: int, factor: float) -> float | None:
    """Return the ring bandwidth at which all buckets but the last are reduced in time.

    2 (N - 1) / N x bytes / (T_backward - r_1), bytes without the last bucket's.
    """
    window = profile.backward_s * factor * float(1 - profile.buckets.ready_frac[0])
    hidden = profile.buckets.total_bytes - float(profile.buckets.num_bytes[-1])
    if size == 1 or window <= 0 or hidden <= 0:
        return None
    return 2 * (size - 1) / size * hidden / window


def _measured(
    profile: StepProfile, question: Question, size: int, samples: float, curve: Curve | None
) -> Estimate | None:
    is_same = question.scaling == profile.scaling
    if curve is None or not is_same or size not in curve.throughput or size == profile.world_size:
        return None
    return curve.throughput[size].estimate.mapped(lambda x: samples / x)
