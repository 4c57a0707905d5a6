"""Which optimizer's update is a step, where a script has several: learnt while it warms up.

A step ends with the update that comes once a cycle, last: of several critic updates and one of a
generator it is the generator's; of one optimizer a parameter, the last parameter's.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, final

#: A new optimizer begins the learning anew, so many times at most.
MAX_RESTARTS = 3


def role_of(optimizer: Any) -> Hashable:
    """Return what tells an optimizer from others: its class, and what it changes first.

    One that a script makes anew for every epoch stays the same one.
    """
    parameters = (x for group in optimizer.param_groups for x in group["params"])
    return type(optimizer), id(next(parameters, optimizer))


@final
class Anchor:
    """Told of every update, by the role of its optimizer; says which of them end a step.

    Attributes:
        is_fixed: Whether learning is over.
        num_restarts: How often a new optimizer began it anew.
    """

    def __init__(self) -> None:
        self._known: set[Hashable] = set()
        #: By optimizer, in the order of their first update since learning began.
        self._counts: dict[Hashable, int] = {}
        self._current: Hashable = None
        self.is_fixed = False
        self.num_restarts = 0

    @property
    def num_optimizers(self) -> int:
        """How many have made an update."""
        return len(self._known)

    def fix(self) -> None:
        """Learning is over: another optimizer ends no step, unless it is a new one."""
        self.is_fixed = True

    def updated(self, optimizer: Hashable) -> bool:
        """Take an update; return whether it ends a step."""
        if self.is_fixed and optimizer == self._current:  # by far most of them
            return True
        is_new = optimizer not in self._known
        self._known.add(optimizer)
        if is_new and self.is_fixed and self.num_restarts < MAX_RESTARTS:
            self._counts, self.is_fixed = {}, False
            self.num_restarts += 1
        if not self.is_fixed:
            self._counts[optimizer] = self._counts.get(optimizer, 0) + 1
            self._current = self._rarest()
        return optimizer == self._current

    def _rarest(self) -> Hashable:
        # In a cycle that has begun, those that are still to come are one update short.
        least = min(self._counts.values())
        return [key for key, count in self._counts.items() if count == least][-1]
