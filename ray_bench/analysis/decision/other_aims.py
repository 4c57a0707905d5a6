"""Which world size the plain aims would take, by the estimates alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ray_bench.analysis.decision.advice import Decision
from ray_bench.analysis.decision.aim import Kind
from ray_bench.analysis.decision.options import Option

#: What is to be least, from world size and seconds (to the target, or of a sample).
_LEAST: dict[Kind, Callable[[int, float], float]] = {
    "balanced": lambda size, seconds: size * seconds**2,
    "fastest": lambda _, seconds: seconds,
    "cheapest": lambda size, seconds: size * seconds,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAim:
    """An aim with the world size that serves it best."""

    kind: Kind
    world_size: int  # of the measured ones
    beyond: tuple[int, ...]  # predicted ones that would serve it better, ascending


def other_aims(decision: Decision) -> tuple[OtherAim, ...]:
    """Return the plain aims; nothing where no world size carries a claim, or gets to the target."""
    options = [x for x in decision.options if _seconds(decision, x) is not None]
    measured = [x for x in options if x.is_measured]
    if not measured:
        return ()
    return tuple(_aim(kind, measured, options, decision) for kind in _LEAST)


def _seconds(decision: Decision, option: Option) -> float | None:
    """Return the time to the target, where one decides; else that of a sample."""
    if decision.ask.target is None:
        return 1 / option.throughput.value
    return None if option.target is None else option.target.time_s.value


def _aim(
    kind: Kind, measured: Sequence[Option], options: Sequence[Option], decision: Decision
) -> OtherAim:
    def least(x: Option) -> float:
        return _LEAST[kind](x.world_size, _seconds(decision, x) or 0.0)

    best = min(measured, key=least)
    better = (x for x in options if not x.is_measured and least(x) < least(best))
    beyond = tuple(sorted(x.world_size for x in better))
    return OtherAim(kind=kind, world_size=best.world_size, beyond=beyond)
