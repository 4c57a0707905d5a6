"""All-reduce over a ring: 2 (N - 1) messages in a row, each of 1 / N of the bytes.

T(N) = c b + 2 (N - 1) / N S beta + 2 (N - 1) alpha, S bytes, alpha seconds a message, beta seconds
a byte (Thakur, Rabenseifner and Gropp 2005, IJHPCA 19(1)). Communication that DDP hides behind the
backward pass is constant in N and ends up in c; `exposed_s` says how much is left where alpha and
beta were measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.laws.law import Law, Parameter, as_they_are
from ray_bench.analysis.laws.place import Place

_COMPUTE = Parameter("compute", "s", "step time c without others")
_BYTES = Parameter("bytes", "s", "time S beta of all bytes over one link, exposed")
_MESSAGE = Parameter("message", "s", "latency alpha of a message, exposed")


def transfer(world_size: np.ndarray) -> np.ndarray:
    """Return how often every link carries all bytes: 2 (N - 1) / N."""
    return np.asarray(2 * (world_size - 1) / world_size)


def messages(world_size: np.ndarray) -> np.ndarray:
    """Return the messages in a row: 2 (N - 1)."""
    return np.asarray(2 * (world_size - 1))


def _bandwidth_terms(place: Place) -> tuple[np.ndarray, ...]:
    return place.batch_share, transfer(place.world_size)


def _terms(place: Place) -> tuple[np.ndarray, ...]:
    return (*_bandwidth_terms(place), messages(place.world_size))


BANDWIDTH = Law(
    key="ring_bandwidth",
    title="ring all-reduce, bandwidth only",
    formula="T = c b + 2 (N - 1) / N S beta",
    parameters=(_COMPUTE, _BYTES),
    family="saturating",
    terms=_bandwidth_terms,
    named=as_they_are,
    modes=("weak", "mixed"),  # in strong scaling it is Amdahl's law
)
LAW = Law(
    key="ring",
    title="ring all-reduce (alpha-beta)",
    formula="T = c b + 2 (N - 1) / N S beta + 2 (N - 1) alpha",
    parameters=(_COMPUTE, _BYTES, _MESSAGE),
    family="saturating",
    terms=_terms,
    named=as_they_are,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a sweep of all-reduces measured: t = 2 (N - 1) alpha + 2 (N - 1) / N S beta."""

    alpha_s: float
    beta_s_per_byte: float

    def all_reduce_s(self, world_size: float, num_bytes: float) -> float:
        """Return the seconds of one ring all-reduce."""
        n = np.asarray(float(world_size))
        return float(messages(n) * self.alpha_s + transfer(n) * num_bytes * self.beta_s_per_byte)


def exposed_s(
    link: Link,
    world_size: float,
    bucket_bytes: Sequence[float],
    ready_s: Sequence[float],
    backward_s: float,
) -> float:
    """Return the communication that DDP's backward pass does not hide, in seconds a step.

    Buckets are sent one after the other, each when it is ready and the link is free:
    f_k = max(r_k, f_(k-1)) + t(N, S_k); exposed is f_K - backward_s where that is above 0.

    Args:
        link: Latency and bandwidth.
        world_size: Ranks.
        bucket_bytes: Size of every bucket, in the order in which they become ready.
        ready_s: When every bucket is ready, seconds after the start of the backward pass.
        backward_s: Seconds of the backward pass without communication.
    """
    end = 0.0
    for size, ready in zip(bucket_bytes, ready_s, strict=True):
        end = max(ready, end) + link.all_reduce_s(world_size, size)
    return max(0.0, end - backward_s) if world_size > 1 else 0.0
