"""Which rank this process is, and what ranks agree on, through the store and never a collective."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, final

import torch.distributed as dist

from ray_bench.errors import TrainingError

#: Rank, world size and rank on the host, as launchers tell them: torchrun, Slurm, Open MPI, PMI.
_NAMES = (
    ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
    ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
)
PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Rank:
    """As the launcher says, until the script has a process group."""

    rank: int
    world_size: int
    local_rank: int


def told_rank(environment: Mapping[str, str] = os.environ) -> Rank:
    """Return this process's rank; that of a single process where no launcher says anything."""
    for names in _NAMES:
        values = [environment.get(name, "") for name in names]
        if values[0].isdigit() and values[1].isdigit():
            local = values[2] if values[2].isdigit() else values[0]
            return Rank(int(values[0]), int(values[1]), int(local))
    return Rank(0, 1, 0)


@final
class Meeting:
    """What the ranks of the script's default process group tell each other.

    Ranks come here equally often; one that waits in vain gets an error after `patience_s`.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience = timedelta(seconds=patience_s)
        self._count = 0

    @property
    def num_ranks(self) -> int:
        """Of the group; 1 where the script has none."""
        return dist.get_world_size() if dist.is_initialized() else 1

    def largest(self, value: float) -> float:
        """Return the largest value of all ranks.

        Raises:
            TrainingError: Some rank has not come.
        """
        if self.num_ranks == 1:
            return value
        store, self._count = _store(), self._count + 1
        keys = [f"{self._count}/{rank}" for rank in range(self.num_ranks)]
        store.set(keys[dist.get_rank()], repr(value))
        try:
            store.wait(keys, self._patience)
        except RuntimeError as err:  # DistStoreError is one
            late = [str(rank) for rank, key in enumerate(keys) if not store.check([key])]
            raise TrainingError(
                f"After {self._count} meetings rank {dist.get_rank()} has waited "
                f"{self._patience.total_seconds():g} s for rank {', '.join(late)}: the ranks do "
                "not make equally many updates. Give each as many batches, or call "
                "ray_bench.step()."
            ) from err
        return max(float(store.get(key)) for key in keys)


def _store() -> Any:
    from torch.distributed.distributed_c10d import PrefixStore, _get_default_store

    return PrefixStore("ray_bench.attach", _get_default_store())
