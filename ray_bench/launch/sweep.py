"""A sweep: the planned runs, each in workers of its own or several one after the other."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.inbox import open_inbox
from ray_bench.launch.listener import SweepListener
from ray_bench.launch.requests import ExpectedRun, Launch, Runs
from ray_bench.launch.session import Session, session
from ray_bench.launch.tuning import make
from ray_bench.measure.commit import git_commit
from ray_bench.records import PlannedRun


def run_sweep(
    config: SweepConfig,
    planned: Sequence[PlannedRun],
    *,
    sweep_id: str,
    attempts: Mapping[str, int],
    address: str | None,
    listener: SweepListener,
    more: Callable[[], Sequence[PlannedRun]] | None = None,
) -> None:
    """Run every planned run in order and tell the listener of each.

    Args:
        config: The configuration with its defaults filled in.
        planned: The runs, in the order in which they are to start.
        sweep_id: For the records.
        attempts: The number of the attempt by run id, from 1.
        address: A Ray cluster; None for RAY_ADDRESS, or else a local one that ends with the sweep.
        listener: Told of starts and ends; what it raises ends the sweep.
        more: Asked for further runs each time all have ended, until it gives none.

    Raises:
        LaunchError: If the cluster cannot be reached.
        ClusterCapacityError: If it can never give the largest run its workers.
        KeyboardInterrupt: On Ctrl-C or SIGTERM, after what was running has been stopped.
    """
    with session(config, address, listener, network_id=sweep_id) as place:
        inbox = open_inbox()
        folders = (os.path.join(place.scratch_dir, str(number)) for number in itertools.count())
        for batch in _batches(planned, more):
            waiting = [
                ExpectedRun(planned=run, sweep_id=sweep_id, attempt=attempts.get(run.run_id, 1))
                for run in batch
            ]
            while waiting:
                launches = launches_of(waiting, place, inbox)
                waiting = make(launches, place.listener, storage_path=next(folders))


def _batches(
    planned: Sequence[PlannedRun], more: Callable[[], Sequence[PlannedRun]] | None
) -> Iterator[Sequence[PlannedRun]]:
    batch = planned
    while batch:
        yield batch
        batch = more() if more is not None else ()


def launches_of(runs: Sequence[ExpectedRun], place: Session, inbox: Any) -> list[Launch]:
    """Return a launch for each run, or for runs that follow each other and can share workers."""
    shares = place.config.launch.share_workers
    return [
        Launch(
            launch_id=uuid.uuid4().hex[:8],
            work=Runs(expected=tuple(group), commit=git_commit(), is_shared=shares),
            config=place.config,
            use_gpu=place.use_gpu,
            import_path=os.getcwd(),
            scratch_dir=place.scratch_dir,
            inbox=inbox,
            hosts=place.hosts,
        )
        for group in (_sharing(runs) if shares else [[run] for run in runs])
    ]


def _sharing(runs: Sequence[ExpectedRun]) -> list[list[ExpectedRun]]:
    groups: list[list[ExpectedRun]] = []
    for run in runs:
        if groups and groups[-1][0].planned.can_share_workers(run.planned):
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups
