"""When the phases of a step ended, and when its gradient buckets were reduced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketStamps:
    """When one gradient bucket was ready and when it was reduced, in nanoseconds of a clock."""

    num_bytes: int
    ready_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStamps:
    """One step on one rank, in nanoseconds of a clock.

    A mark (phase, ns) ends a phase that began at the mark before; the first mark is the start. The
    buckets are in the order in which they became ready.
    """

    step: int
    marks: tuple[tuple[str, int], ...]
    buckets: tuple[BucketStamps, ...]

    @property
    def start_ns(self) -> int:
        """When the step began."""
        return self.marks[0][1]

    def window_ns(self, phase: str) -> tuple[int, int] | None:
        """Return (begin, end) of a phase, the last time it happened; None where it did not."""
        found = [(a, b) for (_, a), (name, b) in pairwise(self.marks) if name == phase]
        return found[-1] if found else None

    def shifted(self, by_ns: int) -> StepStamps:
        """Return the step as a clock that is so much further on would have stamped it."""
        return replace(
            self,
            marks=tuple((phase, ns + by_ns) for phase, ns in self.marks),
            buckets=tuple(
                replace(b, ready_ns=b.ready_ns + by_ns, end_ns=b.end_ns + by_ns)
                for b in self.buckets
            ),
        )
