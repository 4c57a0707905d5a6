"""Which world size is right for an aim, and with what probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.decision.aim import Aim

_S_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """World sizes to choose from, ascending; the first is the baseline of efficiency."""

    sizes: tuple[int, ...]
    log_rate: np.ndarray  # ln samples/s, shape (num_sizes,)
    draws: np.ndarray  # of the same, shape (num_draws, num_sizes)
    samples: np.ndarray | None  # of a run, what else takes time included; shape (num_sizes,)

    def take(self, sizes: tuple[int, ...]) -> Field:
        """Return some of the world sizes."""
        at = [self.sizes.index(n) for n in sizes]
        return Field(
            sizes=sizes,
            log_rate=self.log_rate[at],
            draws=self.draws[:, at],
            samples=None if self.samples is None else self.samples[at],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The choice among some world sizes."""

    sizes: tuple[int, ...]
    best: int | None  # None: no world size meets the aim
    shares: tuple[float, ...]  # probability of being the right one, by world size
    none_share: float  # probability that none meets the aim
    meets: float | None  # probability that the best one meets its limit; None without limit

    @property
    def probability(self) -> float:
        """The probability that the choice is the right one."""
        return self.none_share if self.best is None else self.share(self.best)

    @property
    def runner_up(self) -> int | None:
        """The world size that is most likely right if the best one is not."""
        others = [(share, -n) for n, share in zip(self.sizes, self.shares, strict=True)]
        found = max((x for x in others if -x[1] != self.best), default=(0.0, 0))
        return -found[1] if found[0] > 0 else None

    def share(self, size: int) -> float:
        """Return the probability that a world size is the right one."""
        return self.shares[self.sizes.index(size)]


def choose(field: Field, aim: Aim, price_per_worker_hour: float | None = None) -> Choice:
    """Return the right world size by the point estimates, and how often draws agree.

    Of equally good world sizes the smallest is taken. As the estimates decide and not the draws, a
    later deadline never gives a dearer run, and a lower price or larger budget never a slower one.

    Raises:
        ValueError: The aim needs the time of a run or a price, and there is none.
    """
    at = winners(field, aim, price_per_worker_hour)
    count = len(field.sizes)
    shares = np.bincount(at, minlength=count + 1) / len(at)
    center = int(_winners(_scores(field, field.log_rate[None], aim, price_per_worker_hour))[0])
    best = None if center == count else field.sizes[center]
    meets = None
    if aim.has_limit and best is not None:
        scores = _scores(field, field.draws, aim, price_per_worker_hour)
        meets = float(np.isfinite(scores[:, center]).mean())
    return Choice(
        sizes=field.sizes,
        best=best,
        shares=tuple(float(x) for x in shares[:count]),
        none_share=float(shares[count]),
        meets=meets,
    )


def winners(
    field: Field,
    aim: Aim,
    price_per_worker_hour: float | None = None,
    *,
    tolerance: float = 0.0,
) -> np.ndarray:
    """Return the index of the right world size of every draw; the number of sizes for none.

    With a tolerance, a fraction, the smallest of those that are as good as the best but for it.
    """
    return _winners(_scores(field, field.draws, aim, price_per_worker_hour), tolerance)


def _winners(scores: np.ndarray, tolerance: float = 0.0) -> np.ndarray:
    best = scores.max(axis=1, keepdims=True)
    found = (scores >= best - tolerance).argmax(axis=1)
    return np.asarray(np.where(np.isfinite(scores.max(axis=1)), found, scores.shape[1]))


def _scores(
    field: Field, log_rate: np.ndarray, aim: Aim, price_per_worker_hour: float | None
) -> np.ndarray:
    """Return what is to be largest, shape (num_draws, num_sizes); -inf where the aim is missed."""
    size = np.array(field.sizes, dtype=float)
    per_worker = np.asarray(
        log_rate - np.log(size)
    )  # ln samples per worker-second: what money buys
    if aim.kind == "fastest":
        return log_rate
    if aim.kind == "cheapest":
        return per_worker
    if aim.kind == "balanced":
        return np.asarray(log_rate + per_worker)
    if aim.limit is None:
        raise ValueError(f"the aim {aim.kind} needs a limit")
    if aim.kind == "efficiency":
        gain = per_worker - per_worker[:, :1]
        return np.asarray(np.where(gain >= np.log(aim.limit) - 1e-12, log_rate, -np.inf))
    if field.samples is None:
        raise ValueError(f"the aim {aim.kind} needs the time of a run")
    seconds = field.samples * np.exp(-log_rate)
    if aim.kind == "deadline":
        return np.asarray(np.where(seconds <= aim.limit, per_worker, -np.inf))
    if price_per_worker_hour is None:
        raise ValueError("a budget needs a price")
    money = seconds * size * price_per_worker_hour / _S_PER_HOUR
    return np.asarray(np.where(money <= aim.limit, log_rate, -np.inf))
