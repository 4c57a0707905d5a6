"""Which world size the plain aims would take, by the estimates alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ray_bench.analysis.decision.advice import Decision
from ray_bench.analysis.decision.aim import Kind
from ray_bench.analysis.decision.options import Option

#: What is to be least, from an option: seconds a sample, worker-seconds a sample, or both together.
_LEAST: dict[Kind, Callable[[Option], float]] = {
    "balanced": lambda x: x.world_size / x.throughput.value**2,
    "fastest": lambda x: 1 / x.throughput.value,
    "cheapest": lambda x: x.world_size / x.throughput.value,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAim:
    """An aim with the world size that serves it best."""

    kind: Kind
    world_size: int  # of the measured ones
    beyond: tuple[int, ...]  # predicted ones that would serve it better, ascending


def other_aims(decision: Decision) -> tuple[OtherAim, ...]:
    """Return the plain aims; nothing where no world size carries a claim."""
    measured = [x for x in decision.options if x.is_measured]
    if not measured:
        return ()
    return tuple(_aim(kind, measured, decision.options) for kind in _LEAST)


def _aim(kind: Kind, measured: Sequence[Option], options: Sequence[Option]) -> OtherAim:
    least = _LEAST[kind]
    best = min(measured, key=least)
    better = (x for x in options if not x.is_measured and least(x) < least(best))
    beyond = tuple(sorted(x.world_size for x in better))
    return OtherAim(kind=kind, world_size=best.world_size, beyond=beyond)
