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


@dataclass(frozen=True, slots=True)
class Outcome:
    """Draws by bin of the outcome of one more run: their numbers, shape (num_bins, bin size)."""

    draws: np.ndarray
    chance: np.ndarray  # of an outcome that has nothing to do with them


def outcomes(draws: np.ndarray, run_sd: Sequence[float]) -> tuple[Outcome, ...]:
    """Return the outcomes of one more run at every world size: the same for every aim.

    Args:
        draws: ln samples/s, shape (num_draws, num_sizes).
        run_sd: Standard deviation of ln samples/s of one more run around the draw, by world size.
    """
    rng = np.random.default_rng(_SEED)
    found = []
    for k, sd in enumerate(run_sd):
        outcome = draws[:, k] + sd * rng.standard_normal(len(draws))
        found.append(Outcome(_binned(outcome), _binned(rng.permutation(outcome))))
    return tuple(found)


def next_run(
    sizes: Sequence[int],
    outcomes: Sequence[Outcome],
    winners: np.ndarray,
    seconds: Sequence[float | None],
) -> NextRun | None:
    """Return the run with most gain for its worker-time, None where none gains enough.

    Args:
        sizes: World sizes.
        outcomes: Of a run at each.
        winners: Index of the right world size of every draw, shape (num_draws,).
        seconds: What such a run takes.
    """
    count = len(sizes) + 1
    now = int(np.bincount(winners, minlength=count).argmax())
    found = []
    for k, size in enumerate(sizes):
        means = _right(winners[outcomes[k].draws], count)
        chance = _right(winners[outcomes[k].chance], count)
        gain = float(means.max(axis=1).mean() - chance.max(axis=1).mean())
        if gain >= MIN_GAIN:
            turns = np.bincount(means.argmax(axis=1), minlength=count)
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


def _binned(outcome: np.ndarray) -> np.ndarray:
    order = np.argsort(outcome, kind="stable")
    return np.asarray(order[: len(order) - len(order) % _NUM_BINS].reshape(_NUM_BINS, -1))


def _right(winners: np.ndarray, count: int) -> np.ndarray:
    """Return the probability of each of `count` to be right by bin, shape (num_bins, count)."""
    bins = np.arange(len(winners))[:, None] * count
    found = np.bincount((bins + winners).ravel(), minlength=len(winners) * count)
    return np.asarray(found.reshape(-1, count) / winners.shape[1])
