"""Where the workers of a run are asked to be: a strategy of Ray's, or so many on each node."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Ray's own; its names are upper case.
STRATEGIES = ("pack", "spread", "strict_pack", "strict_spread")
_EXACT = re.compile(r"([1-9][0-9]*)x([1-9][0-9]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Placement:
    """What a point asks for; nothing at all packs, and is not checked."""

    name: str | None = None  # one of STRATEGIES, or NxM
    num_nodes: int | None = None  # N of NxM
    workers_per_node: int | None = None  # M of NxM

    def fits(self, world_size: int) -> bool:
        """Whether so many workers can be placed so."""
        if self.num_nodes is None or self.workers_per_node is None:
            return True
        return self.num_nodes * self.workers_per_node == world_size


#: Nothing asked. Also of a single worker, which has only one place.
ANYWHERE = Placement()


def placement(name: str) -> Placement:
    """Return what a name of the configuration asks for; `normal` has checked it."""
    exact = _EXACT.fullmatch(name)
    if exact is None:
        return Placement(name)
    return Placement(name, int(exact.group(1)), int(exact.group(2)))


def normal(value: Any) -> Any:
    """Return a placement as it is written, lower case.

    Raises:
        ValueError: If it is none.
    """
    name = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(name, str) or (name not in STRATEGIES and not _EXACT.fullmatch(name)):
        raise ValueError(
            f"must be {', '.join(STRATEGIES)}, or NxM, N nodes with M workers each, such as 4x2"
        )
    return name


@dataclass(frozen=True, slots=True)
class Asked:
    """The placements of a sweep: by name, or by workers a node; neither leaves them to Ray."""

    names: tuple[str, ...] | None
    workers_per_node: tuple[int, ...] | None
    default: str | None  # where neither is given

    def of(self, world_size: int) -> tuple[Placement, ...]:
        """Return the placements that fit a world size; none where none does."""
        if world_size == 1:
            return (ANYWHERE,)
        if self.names is not None:
            named = [placement(name) for name in self.names]
            return tuple(x for x in named if x.fits(world_size))
        if self.workers_per_node is not None:
            held = [m for m in self.workers_per_node if world_size % m == 0]
            return tuple(placement(f"{world_size // m}x{m}") for m in held)
        return (ANYWHERE if self.default is None else placement(self.default),)

    def complaint(self, world_sizes: Sequence[int]) -> str | None:
        """Return what is asked for in vain, and what to do; None where nothing is."""
        if self.names is None and self.workers_per_node is None:
            return None
        larger = [n for n in world_sizes if n > 1]
        idle = [
            name
            for name in self.names or ()
            if not any(placement(name).fits(n) for n in world_sizes)
        ]
        if idle:
            return (
                f"the placement {idle[0]} fits none of the world sizes {list(world_sizes)}; add "
                "the world size that is the product of its numbers, or leave it out"
            )
        idle_held = [m for m in self.workers_per_node or () if all(n % m for n in larger)]
        if idle_held:
            return (
                f"no world size of {list(world_sizes)} above 1 is a multiple of "
                f"workers_per_node {idle_held[0]}; add one, or leave it out"
            )
        lost = [n for n in larger if not self.of(n)]
        if lost:
            return (
                f"no placement fits world size {lost[0]}; leave it out, or add pack, spread, "
                f"1x{lost[0]} or {lost[0]}x1 (workers_per_node: one that divides it)"
            )
        return None

    def note(self, world_sizes: Sequence[int]) -> str | None:
        """Return which world sizes are not measured with every number of workers a node."""
        skipped = [
            f"{n} on nodes of {m}"
            for n in world_sizes
            for m in self.workers_per_node or ()
            if n > 1 and n % m
        ]
        if not skipped:
            return None
        return f"workers_per_node does not divide every world size; left out: {', '.join(skipped)}."
