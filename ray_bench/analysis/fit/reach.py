"""How far a forecast reaches: it ends where its interval says nothing.

From one doubling of the workers to the next throughput hardly more than doubles. An interval that
goes further than three times up or down from its middle cannot tell the gain of one doubling from
the loss of one: whoever decides on it may as well decide without it. Two world sizes test no law,
so the interval between laws is a guess: they carry one doubling, and no boundary between nodes that
nobody has measured.
"""

from __future__ import annotations

from typing import Literal

from ray_bench.stats.estimate import Estimate

#: An interval that reaches further than by this factor to one side says nothing.
MAX_SPREAD = 3.0
#: Two world sizes carry a forecast to this factor of the largest one, and down to its inverse.
_TWO_POINT_FACTOR = 2.0
#: The ends of a parameter's interval may differ by this factor, from 0 apart.
_MAX_PARAMETER_RATIO = 1000.0

#: Why throughput at a world size is not known from the points. slip: a unit may be another one.
#: two_points: too far for two world sizes. wide: the interval says nothing.
Unknown = Literal["slip", "two_points", "wide"]


def unknown(
    rate: Estimate, size: float, sizes: tuple[float, ...], *, has_slip: bool, crosses_boundary: bool
) -> Unknown | None:
    """Return why a forecast is none; None where it is one.

    Args:
        rate: Throughput at the world size, with its 95 % interval.
        size: The world size.
        sizes: The measured ones, ascending.
        has_slip: Whether some numbers look as if they were in another unit.
        crosses_boundary: Whether it needs a second node, and no measurement had one.
    """
    if has_slip:
        return "slip"
    if len(sizes) == 2 and size not in sizes:
        is_near = sizes[0] / _TWO_POINT_FACTOR <= size <= _TWO_POINT_FACTOR * sizes[1]
        if crosses_boundary or not is_near:
            return "two_points"
    return "wide" if is_wide(rate) else None


def is_wide(estimate: Estimate, most: float = MAX_SPREAD) -> bool:
    """Whether an interval reaches further than by a factor to one side."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if low is None or high is None:
        return False
    return not (high <= most * value and value <= most * low)


def parameter_told(estimate: Estimate) -> Estimate:
    """Return a parameter, without its interval where that says nothing.

    Many may be 0, and an interval that begins there says at least how large they are at most.
    """
    if not estimate.low or estimate.high is None:
        return estimate
    is_told = estimate.high <= _MAX_PARAMETER_RATIO * estimate.low
    return estimate if is_told else Estimate(estimate.value)
