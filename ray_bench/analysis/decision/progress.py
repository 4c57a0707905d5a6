"""Towards a target: world sizes are chosen by how fast they get there, not by samples per second.

ln progress = ln throughput - ln (samples to the target), with samples of what else takes time. Of a
measured time to the target that is its inverse, whatever the throughput, and its draws have the
noise of that time; else that of the epochs to the target, from run to run, beside that of
throughput. World sizes of which a run did not get there are left out: how long they take is not
known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ray_bench.analysis.decision.choose import Field
from ray_bench.analysis.decision.options import Option
from ray_bench.stats.log_estimate import LogEstimate

_SEED = 2
#: As of throughput's draws: with one degree of freedom noise can be anything.
_MAX_NOISE = 5.0


def toward_target(whole: Field, options: Sequence[Option]) -> Field | None:
    """Return the world sizes that get to the target, with their progress as their rate.

    `samples` are those of the smallest of them, so that samples / rate is the time to the target.

    Args:
        whole: World sizes with draws of ln samples/s.
        options: The same world sizes, and what the target takes where it is known.

    Returns:
        None where no world size is known to get there.
    """
    work = {
        x.world_size: x.target.time_s.value * x.throughput.value
        for x in options
        if x.target is not None and x.world_size in whole.sizes
    }
    if not work:
        return None
    kept = whole.take(tuple(sorted(work)))
    samples = np.array([work[n] for n in kept.sizes])
    more = np.log(samples / samples[0])
    by_size = {x.world_size: x for x in options}
    log_rate = kept.log_rate - more
    draws = kept.draws - more - _noise(by_size, kept.sizes, len(kept.draws))
    for i, n in enumerate(kept.sizes):
        time = _timed(by_size[n])
        if time is not None:
            rng = np.random.default_rng((_SEED, n))
            draws[:, i] = log_rate[i] + _t_draws(time, rng, len(draws))
    return Field(
        sizes=kept.sizes,
        log_rate=log_rate,
        draws=draws,
        samples=np.full(len(samples), samples[0]),
    )


def _noise(options: Mapping[int, Option], sizes: Sequence[int], num_draws: int) -> np.ndarray:
    """Return draws of ln epochs to the target around their mean, shape (num_draws, num_sizes).

    A predicted world size has the epochs, and so the noise, of the measured one they are from.
    """
    rng = np.random.default_rng(_SEED)
    drawn: dict[int, np.ndarray] = {}
    for n in sizes:
        found = options[n].convergence
        epochs = None if found is None else found.epochs
        if found is not None and found.world_size not in drawn:
            drawn[found.world_size] = np.zeros(num_draws)
            if epochs is not None and epochs.variance and epochs.df:
                drawn[found.world_size] = _t_draws(epochs, rng, num_draws)
    return np.stack([drawn[x.world_size] for x in (options[n].convergence for n in sizes) if x], 1)


def _timed(option: Option) -> LogEstimate | None:
    """Return the time to the target where it and its noise were measured at this world size."""
    found = option.convergence
    if not option.is_measured or found is None or found.time is None:
        return None
    return found.time if found.time.variance and found.time.df else None


def _t_draws(found: LogEstimate, rng: np.random.Generator, num_draws: int) -> np.ndarray:
    """Return draws of a mean logarithm around its mean, shape (num_draws,)."""
    t = rng.standard_t(found.df or 1.0, num_draws) * math.sqrt(found.variance or 0.0)
    return np.asarray(np.clip(t, -_MAX_NOISE, _MAX_NOISE))


def run_sd(option: Option, rate_sd: float) -> float:
    """Return the noise of ln time to the target of one more run.

    Args:
        option: A world size.
        rate_sd: Noise of ln throughput of one more run there.
    """
    time = _timed(option)
    if time is not None:
        return math.sqrt((time.variance or 0.0) * time.num_runs)
    epochs = None if option.convergence is None else option.convergence.epochs
    if not option.is_measured or epochs is None or epochs.variance is None:
        return rate_sd
    return math.hypot(rate_sd, math.sqrt(epochs.variance * epochs.num_runs))
