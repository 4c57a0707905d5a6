"""Where the ranks of a script meet, and their workers beside them: a store in rank 0's worker.

torchrun's agent has one too. Its port is chosen by the system and is held from then on, so that
nobody can take it before the script comes.
"""

from __future__ import annotations

import contextlib
import pickle
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, final

import torch.distributed as dist
from ray import train
from torch._C._distributed_c10d import PrefixStore, TCPStore

from ray_bench.train.group import Group

_POLL_S = 0.1
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

    def gathered(self, left: object) -> list[Any] | None:
        """Hand over what a rank has left, and wait for all; rank 0 gets it, in their order.

        No collective operation: a rank may end long before the others, and its worker would seem to
        hang.
        """
        self._store.set(f"end/{self._rank}", pickle.dumps(left))  # type: ignore[arg-type]  # bytes too
        keys = [f"end/{rank}" for rank in range(self._num_ranks)]
        # The store goes with rank 0's worker, which leaves when all have handed over.
        with contextlib.nullcontext() if self._rank == 0 else contextlib.suppress(RuntimeError):
            while not self._store.check(keys):
                time.sleep(_POLL_S)
        return None if self._rank else [pickle.loads(self._store.get(key)) for key in keys]


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
