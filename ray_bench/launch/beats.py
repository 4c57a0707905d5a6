"""What ranks say of themselves each second, and which of them hold the others up. No Ray here.

A rank that is stopped says nothing. One that hangs still speaks, from a thread of its own, and
where it stands does not change while others wait for it in a collective operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray_bench.launch.failures import Failure

#: gloo and NCCL end a collective after `launch.timeout_s` themselves, and say more than nothing.
GRACE_S = 5.0
#: A busy host is not a stopped one, however short `launch.timeout_s` is.
SILENT_S = 5.0
#: After an error: who has been silent for longer than this is not merely late.
LATE_S = 3.0
_MAX_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """Where a rank is."""

    rank: int
    node_id: str
    address: str  # of its host
    step: int  # from 1; 0 before the first
    where: str | None  # the function that it is in; None before and after training
    is_waiting: bool  # for other ranks
    worker: Any = None  # handle of its actor; in its first beat alone
    has_ended: bool = False  # it has done its part


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A rank's last beat, by the clock of the one who heard it."""

    beat: Beat
    silent_s: float  # since it came
    still_s: float  # since it said something new

    @property
    def name(self) -> str:
        """Return e.g. `rank 1 on 10.98.0.2`."""
        return f"rank {self.beat.rank} on {self.beat.address}"


def missing(heard: Mapping[int, Heard], num_ranks: int, timeout_s: float) -> Failure | None:
    """Return the failure of a launch in which nothing can move any more.

    Args:
        heard: By rank.
        num_ranks: That should be heard of.
        timeout_s: How long one may be silent, late or waited for.
    """
    if not heard:
        return None
    known, heard = set(heard), _at_work(heard)
    silent = [h for h in heard.values() if h.silent_s > max(timeout_s, SILENT_S)]
    if silent:
        words = [f"{h.name} has not been heard of for {h.silent_s:.0f} s" for h in silent]
        return _failure(words, heard, [h.beat.rank for h in silent], timeout_s)
    absent = [rank for rank in range(num_ranks) if rank not in known]
    # The first that came has waited for longest.
    longest_s = max((h.still_s for h in heard.values()), default=0.0)
    if absent and longest_s > timeout_s:
        words = [f"rank {rank} has not arrived" for rank in absent]
        return _failure(words, heard, absent, timeout_s)
    waiting = [h for h in heard.values() if h.beat.is_waiting]
    if any(h.still_s > timeout_s + GRACE_S for h in waiting):
        return held_up(heard, timeout_s)
    return None


def held_up(heard: Mapping[int, Heard], timeout_s: float) -> Failure | None:
    """Return the failure that names who holds the others up; None where nobody stands out.

    After an error that only says that somebody was waited for in vain.
    """
    heard = _at_work(heard)
    behind = [h for h in heard.values() if h.silent_s > LATE_S]
    words = [f"{h.name} has not been heard of for {h.silent_s:.0f} s" for h in behind]
    if not behind:
        behind = _behind(list(heard.values()))
        words = [
            f"{h.name} has stood still in {h.beat.where} for {h.still_s:.0f} s" for h in behind
        ]
    return _failure(words, heard, [h.beat.rank for h in behind], timeout_s) if behind else None


def _at_work(heard: Mapping[int, Heard]) -> Mapping[int, Heard]:
    return {rank: h for rank, h in heard.items() if not h.beat.has_ended}


def _behind(heard: Sequence[Heard]) -> list[Heard]:
    """Ranks that train and wait for nobody; where all wait, those of the earliest step."""
    training = [h for h in heard if h.beat.where is not None]
    busy = [h for h in training if not h.beat.is_waiting and h.still_s > LATE_S]
    if busy or not training:
        return busy if len(busy) < len(heard) else []
    last = max(h.beat.step for h in training)
    return [h for h in training if h.beat.step < last]


def _failure(
    words: Sequence[str], heard: Mapping[int, Heard], blamed: Sequence[int], timeout_s: float
) -> Failure:
    others = [h for rank, h in sorted(heard.items()) if rank not in blamed]
    waits = [f"rank {h.beat.rank} waits in step {h.beat.step}" for h in others if h.beat.is_waiting]
    text = "; ".join(x for x in (_some(words), _some(waits)) if x)
    return Failure(
        "RanksMissing",
        f"{text[0].upper()}{text[1:]}. The limit is launch.timeout_s={timeout_s:g}.",
        blamed[0] if len(blamed) == 1 else None,
    )


def _some(words: Sequence[str]) -> str:
    more = len(words) - _MAX_NAMED
    return ", ".join(words[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
