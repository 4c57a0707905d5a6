"""A factor near 10, 60, 100 or 1000 between neighbours: first of all a slip of units.

Between world sizes a < b throughput stands still, or grows by b / a at most, a little more where
caches help. A step far outside of that which one of the factors brings back into it is more likely
a number in another unit (thousands, minutes, per cent, a lost decimal point) than a fact about
hardware. A factor of 10 alone may also be a collapse: it has to bring the step back to what the
other steps show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FACTORS = (10.0, 60.0, 100.0, 1000.0)
#: A step within this factor of standing still, or of ideal growth, needs no other explanation.
_ODD = 3.0
#: What may be left over once the factor is taken off: a small fall, or a little above ideal.
_LEAST, _MOST = 0.9, 1.1
#: Two points alone show no other step: then at least so much of ideal scaling has to be left.
_LEAST_EFFICIENCY = 0.75
#: Exponents of N: how near to those of the other steps a factor of 10 has to bring one.
_NEAR = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """World sizes whose numbers are in another unit, as it seems."""

    before: float  # the world size before them
    world_sizes: tuple[float, ...]  # that follow each other
    factor: float  # of FACTORS
    is_larger: bool  # the numbers from there on are too large by it; else too small
    ratio: float  # of throughput, to the world size before


def slips(world_sizes: Sequence[float], rates: Sequence[float]) -> tuple[Slip, ...]:
    """Return where throughput looks as if its unit changed.

    Args:
        world_sizes: Ascending.
        rates: Throughput there, all above 0, of shape (num_sizes,) and in any unit.
    """
    steps = [_Step.of(*world_sizes[i : i + 2], *rates[i : i + 2]) for i in range(len(rates) - 1)]
    plain = [x.exponent(0.0) for x in steps if not x.factors()]
    signed = [x.best(plain) for x in steps]
    found, i = [], 0
    while i < len(steps):
        factor = signed[i]
        if factor:
            back = next((j for j in range(i + 1, len(steps)) if signed[j] == -factor), len(steps))
            found.append(
                Slip(
                    before=world_sizes[i],
                    world_sizes=tuple(world_sizes[i + 1 : back + 1]),
                    factor=abs(factor),
                    is_larger=factor > 0,
                    ratio=rates[i + 1] / rates[i],
                )
            )
            i = back
        i += 1
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Step:
    ratio: float  # of throughput
    more: float  # of workers

    @classmethod
    def of(cls, first: float, last: float, before: float, after: float) -> _Step:
        return cls(after / before, last / first)

    def exponent(self, factor: float) -> float:
        """Return ln X / ln N of the step once a signed factor is taken off; 0 takes off none."""
        return math.log(self._without(factor)) / math.log(self.more)

    def factors(self) -> list[float]:
        """Return the factors that would explain the step, below 0 where it is too small by them."""
        if 1 / _ODD <= self.ratio <= _ODD * self.more:
            return []
        sign = 1.0 if self.ratio > 1 else -1.0
        fit = (_LEAST, _MOST * self.more)
        return [sign * x for x in FACTORS if fit[0] <= self._without(sign * x) <= fit[1]]

    def best(self, others: Sequence[float]) -> float:
        """Return the factor that explains the step best beside the others' exponents, 0 if none."""
        wanted = sorted(others)[len(others) // 2] if others else 1.0
        near = [x for x in self.factors() if abs(x) > FACTORS[0] or self._is_as_others(x, others)]
        return min(near, key=lambda x: abs(self.exponent(x) - wanted), default=0.0)

    def _without(self, factor: float) -> float:
        if factor == 0:
            return self.ratio
        return self.ratio / factor if factor > 0 else self.ratio * -factor

    def _is_as_others(self, factor: float, others: Sequence[float]) -> bool:
        if not others:
            return self._without(factor) >= _LEAST_EFFICIENCY * self.more
        return min(others) - _NEAR <= self.exponent(factor) <= max(others) + _NEAR
