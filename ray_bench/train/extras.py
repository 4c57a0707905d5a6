"""Extras after training: what one of them breaks is noted, and the timed training stays.

A rank that fails would leave the others in a collective operation. So an extra has a process group
of its own, which a rank that fails ends at once: gloo's connections close, and the others fail too.
The group of the training stays whole, and in it all ranks agree on what became of the extra.

NCCL does not notice that a rank has left, and a second communicator would take device memory: there
the extra has the training's own group. Where all ranks fail alike they still agree; where one rank
fails alone, the operation ends by `launch.timeout_s`, and the run with it. Its timed training is
with the driver by then (`train_rank`).
"""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar, final

import torch
import torch.distributed as dist

from ray_bench.causes import is_collateral, kind_of_error, words_of
from ray_bench.errors import TrainingError
from ray_bench.records import FailureRecord, Part, kept_traceback
from ray_bench.train.group import Group, Spare

T = TypeVar("T")

_MAX_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Cause:
    """What an extra failed by on this rank."""

    error_type: str
    message: str
    traceback: str

    @property
    def is_collateral(self) -> bool:
        """Whether it only tells that another rank has failed."""
        return is_collateral(self.message)


def cause_of(error: Exception) -> Cause:
    """Return what has to be kept of an error."""
    words = words_of(error) or type(error).__name__
    message = words if len(words) <= _MAX_MESSAGE else f"{words[: _MAX_MESSAGE - 3]}..."
    lines = traceback.format_exception(error)
    return Cause(kind_of_error(error), message, kept_traceback("".join(lines)))


def failure_record(run_id: str, part: Part, rank: int, cause: Cause) -> FailureRecord:
    """Return the record of a part that failed on a rank."""
    return FailureRecord(
        run_id=run_id,
        part=part,
        rank=rank,
        error_type=cause.error_type,
        error_message=cause.message,
        error_traceback=cause.traceback,
    )


@final
class Extras:
    """Makes extras one after the other; all ranks of a group use it together.

    Args:
        group: Of the training. No operation of it may be under way.
        run_id: For the records.
        record: Told what failed on this rank.
        timeout_s: Of an operation in the extras' own group.
    """

    def __init__(
        self,
        group: Group,
        run_id: str,
        record: Callable[[FailureRecord], None],
        *,
        timeout_s: float,
    ) -> None:
        self._group = group
        self._run_id = run_id
        self._record = record
        self._own = _OwnGroup(group, timedelta(seconds=timeout_s))

    def attempt(self, part: Part, make: Callable[[Group], T]) -> T | None:
        """Return what an extra returns on this rank; None where it failed on any of them.

        Args:
            part: Its name.
            make: Makes it, and does all that ranks do together in the group that it is given.
        """
        made, cause = self._made(make)
        if cause is not None:
            self._own.end()
            gc.collect()  # its connections close when nothing holds it any more
        causes = self._group.gather(cause)
        if all(one is None for one in causes):
            return made
        self._own.end()
        origins = [one for one in causes if one is not None and not one.is_collateral]
        if cause is not None and not (cause.is_collateral and origins):
            self._record(failure_record(self._run_id, part, self._group.rank, cause))
        return None

    def close(self) -> None:
        """End the process group of the extras."""
        self._own.end()

    def _made(self, make: Callable[[Group], T]) -> tuple[T | None, Cause | None]:
        try:
            return make(self._own.taken()), None
        except Exception as err:  # noqa: BLE001  # whatever it is, it is no part of the training
            cause = cause_of(err)
            _let_go(err)
        return None, cause


@final
class _OwnGroup:
    """The process group of extras: made where there is none, ended by a rank that failed."""

    def __init__(self, group: Group, timeout: timedelta) -> None:
        self._group = group
        self._timeout = timeout
        self._held = group.spare or Spare(None)

    def taken(self) -> Group:
        """Return the group of this rank for an extra; all ranks call it together."""
        group, held = self._group, self._held
        if not group.sees_who_leaves:
            return group
        if held.process_group is None and group.process_group is None:
            # All that are asked for one are here.
            held.process_group = dist.new_group(timeout=self._timeout)
        if held.process_group is not None:
            return replace(group, process_group=held.process_group, spare=None)
        if group.spare is None:
            return group
        raise TrainingError("It was left out, because one before it failed.")

    def end(self) -> None:
        """End it; who waits in it fails."""
        if self._held.process_group is not None:
            dist.destroy_process_group(self._held.process_group)
            self._held.process_group = None


def _let_go(error: BaseException) -> None:
    """Free what the frames of an error hold: a module in DDP, and tensors on the device."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        traceback.clear_frames(current.__traceback__)
        seen.append(current)
        current = current.__cause__ or current.__context__
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
