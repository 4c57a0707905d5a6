"""Ladders on a cluster: one launch for all of them; each round is handed over as it ends."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from ray_bench.launch.inbox import open_inbox
from ray_bench.launch.listener import SweepListener
from ray_bench.launch.requests import Ladders, Launch
from ray_bench.launch.session import session
from ray_bench.launch.tuned import trainer_of
from ray_bench.launch.tuning import make
from ray_bench.stats.stopping import Decision
from ray_bench.train.requests import LadderRequest

#: Told why a ladder with a stop rule ended.
Decided = Callable[[LadderRequest, Decision], None]


def run_ladders(
    ladders: Sequence[LadderRequest],
    *,
    address: str | None,
    listener: SweepListener,
    decided: Decided,
) -> None:
    """Measure ladders in one group of workers and tell the listener of every turn.

    Args:
        ladders: One after the other. The first one's configuration says how workers are placed.
        address: A Ray cluster; None for RAY_ADDRESS, or else a local one that ends with them.
        listener: Told of starts and ends; what it raises ends everything.
        decided: Told why each ladder that has a stop rule ended.

    Raises:
        LaunchError: If the cluster cannot be reached.
        ClusterCapacityError: If it can never give the largest world size its workers.
        KeyboardInterrupt: On Ctrl-C or SIGTERM, after the workers have been stopped.
    """
    config, network_id = ladders[0].config, ladders[0].sweep_id
    with session(config, address, listener, network_id=network_id) as place:
        trainer = trainer_of(place.config)
        with_trainer = [replace(ladder, trainer=trainer) for ladder in ladders]
        launch = Launch(
            launch_id=uuid.uuid4().hex[:8],
            work=Ladders(ladders=tuple(with_trainer)),
            config=place.config,
            use_gpu=place.use_gpu,
            import_path=os.getcwd(),
            scratch_dir=place.scratch_dir,
            inbox=open_inbox(),
            hosts=place.hosts,
        )

        def ended(decisions: Sequence[Decision | None]) -> None:
            for ladder, decision in zip(ladders, decisions, strict=True):
                if decision is not None:
                    decided(ladder, decision)

        make([launch], place.listener, storage_path=place.scratch_dir, ended=ended)
