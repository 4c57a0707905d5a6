"""The measurement that is most worth its cost: expected value of sample information.

One more run at a world size is imagined, many times, from the draws of the curve (preposterior
analysis: Raiffa and Schlaifer 1961, Applied Statistical Decision Theory). For every outcome the
probabilities of being right are those of the draws that agree with it, and the best one is taken;
what that gains on average over deciding now is how much less often the decision is wrong. Draws are
put to outcomes by bins of equal probability; the gain that bins would show of an outcome that has
nothing to do with the draws is taken off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_NUM_BINS = 20
_SEED = 2
#: A measurement that makes the decision right less often than that is not worth to be named.
MIN_GAIN = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """One more run at a world size."""

    world_size: int
    gain: float  # expected rise of the probability of being right
    seconds: float | None  # how long it takes, start-up included; None is unknown
    alternative: int | None  # the world size it may turn the decision to


def next_run(
    sizes: Sequence[int],
    draws: np.ndarray,
    winners: np.ndarray,
    run_sd: Sequence[float],
    seconds: Sequence[float | None],
) -> NextRun | None:
    """Return the run with most gain for its worker-time, None where none gains enough.

    Args:
        sizes: World sizes.
        draws: ln samples/s, shape (num_draws, num_sizes).
        winners: Index of the right world size of every draw, shape (num_draws,).
        run_sd: Standard deviation of ln samples/s of one more run around the draw, by world size.
        seconds: What such a run takes.
    """
    rng = np.random.default_rng(_SEED)
    right = np.eye(len(sizes) + 1)[winners]
    now = int(right.mean(axis=0).argmax())
    found = []
    for k, size in enumerate(sizes):
        outcome = draws[:, k] + run_sd[k] * rng.standard_normal(len(draws))
        means = _by_bin(right, outcome)
        chance = _by_bin(right, rng.permutation(outcome))
        gain = float(means.max(axis=1).mean() - chance.max(axis=1).mean())
        if gain >= MIN_GAIN:
            turns = np.bincount(means.argmax(axis=1), minlength=len(sizes) + 1)
            turns[now] = 0
            other = int(turns.argmax())
            found.append(
                NextRun(
                    world_size=size,
                    gain=gain,
                    seconds=seconds[k],
                    alternative=sizes[other] if turns[other] and other < len(sizes) else None,
                )
            )
    return max(found, key=_worth, default=None)


def _worth(run: NextRun) -> float:
    return run.gain if run.seconds is None else run.gain / (run.seconds * run.world_size)


def _by_bin(right: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Return mean probabilities of being right by bin of the outcome, shape (num_bins, ...)."""
    order = np.argsort(outcome, kind="stable")
    usable = len(order) - len(order) % _NUM_BINS
    return np.asarray(right[order[:usable]].reshape(_NUM_BINS, -1, right.shape[1]).mean(axis=1))
