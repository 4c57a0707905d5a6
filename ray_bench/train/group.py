"""The ranks of a run, and the few things they tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


@dataclass(slots=True)
class Spare:
    """Holds a process group that may be ended: nothing else keeps it, or it would not be freed."""

    process_group: Any  # None: it has been ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """This rank's place among the ranks. World size 1 needs no process group.

    `process_group` is None for the default group; a ladder's smaller world sizes have their own.
    `spare` is another process group of the same ranks, for what may break it: where only some of
    all ranks are in the group, they cannot make one by themselves.
    `node_id` and `node_address` are what the launcher calls this rank's host: its name may be that
    of others too. None where nobody tells.
    """

    rank: int
    world_size: int
    local_rank: int
    device: torch.device
    process_group: Any = None
    spare: Spare | None = None
    node_id: str | None = None
    node_address: str | None = None

    @property
    def sees_who_leaves(self) -> bool:
        """Whether others fail at once when a rank ends its process group: gloo's do."""
        return self.world_size > 1 and dist.get_backend(self.process_group) == "gloo"

    def max(self, value: float) -> float:
        """Return the largest of a number over all ranks."""
        if self.world_size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor, op=dist.ReduceOp.MAX, group=self.process_group)
        return float(tensor)

    def barrier(self) -> None:
        """Wait until all ranks are here; they go on together."""
        self.max(0.0)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Return the elementwise sum of a tensor over all ranks; `values` itself may be changed."""
        if self.world_size > 1:
            values = values.to(self.device)
            dist.all_reduce(values, group=self.process_group)
        return values

    def first(self, value: T) -> T:
        """Return rank 0's value on every rank, tensors on its device."""
        if self.world_size == 1:
            return value
        values: list[Any] = [value]
        dist.broadcast_object_list(values, group=self.process_group, group_src=0)
        found: T = values[0]
        return found

    def gather(self, value: T) -> list[T]:
        """Return every rank's value in rank order, on every rank."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        dist.all_gather_object(values, value, group=self.process_group)
        return values
