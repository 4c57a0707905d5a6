"""Where the ranks of a script meet, and their workers beside them: a store in rank 0's worker.

torchrun's agent has one too. Its port is chosen by the system and is held from then on, so that
nobody can take it before the script comes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, final

import torch.distributed as dist
from ray import train
from torch._C._distributed_c10d import PrefixStore, TCPStore

from ray_bench.train.group import Group

_PATIENCE = timedelta(seconds=60)
_FAILED = "failed"


@final
class ScriptMeeting:
    """Of one run; every worker makes one at the same time.

    Attributes:
        environment: What torchrun would tell this rank of the script.
    """

    def __init__(self, group: Group) -> None:
        self._rank = group.rank
        self._num_ranks = group.world_size
        address = group.node_address or "127.0.0.1"
        server = (
            TCPStore(address, 0, is_master=True, wait_for_workers=False)
            if group.rank == 0
            else None
        )
        where: list[Any] = [None if server is None else (address, server.port)]
        if group.world_size > 1:
            dist.broadcast_object_list(where)
        host, port = where[0]
        self._server = server or TCPStore(host, port, is_master=False, timeout=_PATIENCE)
        self._store = PrefixStore("ray_bench.launch", self._server)
        self.environment = _torchrun(group, host, port)

    def fail(self) -> None:
        """Tell the others that this rank has failed."""
        with contextlib.suppress(RuntimeError):  # rank 0's worker is gone
            self._store.set(_FAILED, str(self._rank))

    @property
    def has_failed(self) -> bool:
        """Whether some rank has failed, or rank 0's worker is gone."""
        try:
            return bool(self._store.check([_FAILED]))
        except RuntimeError:
            return True

    def end(self) -> None:
        """Say that this rank has ended; no worker may wait for it in a collective before."""
        self._store.set(f"end/{self._rank}", "1")

    @property
    def have_all_ended(self) -> bool:
        """Whether all ranks have."""
        return bool(self._store.check([f"end/{rank}" for rank in range(self._num_ranks)]))


def _torchrun(group: Group, host: str, port: int) -> Mapping[str, str]:
    context = train.get_context()
    ranks = {
        "RANK": group.rank,
        "WORLD_SIZE": group.world_size,
        "LOCAL_RANK": group.local_rank,
        "LOCAL_WORLD_SIZE": context.get_local_world_size(),
        "GROUP_RANK": context.get_node_rank(),
        "ROLE_RANK": group.rank,
        "ROLE_WORLD_SIZE": group.world_size,
        "MASTER_PORT": port,
        "TORCHELASTIC_RESTART_COUNT": 0,
        "TORCHELASTIC_MAX_RESTARTS": 0,
    }
    return {
        **{name: str(value) for name, value in ranks.items()},
        "ROLE_NAME": "default",
        "MASTER_ADDR": host,
        "TORCHELASTIC_RUN_ID": f"ray_bench-{port}",
        # The store is there already: rank 0 of the script joins it as the others do.
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }
