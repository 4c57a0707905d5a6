"""What Ray Train runs in every worker: a run, several, or ladders."""

from __future__ import annotations

import contextlib
import gc
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import ray
import torch.distributed as dist
from ray import cloudpickle, train
from ray.train.torch import get_device
from torch._C._distributed_c10d import HashStore

from ray_bench.errors import PlacementError, WorkerFailedError
from ray_bench.launch import heartbeat
from ray_bench.launch.courier import Courier
from ray_bench.launch.hosts_backend import here
from ray_bench.launch.placing import asked_of, difference, hosts_of, is_exact
from ray_bench.launch.ray_vault import RayVault
from ray_bench.launch.requests import ExpectedRun, Ladders, Launch, Runs
from ray_bench.launch.scripts.launch import run_script
from ray_bench.launch.tuned import trainer_of
from ray_bench.launch.vacancy import narrowed
from ray_bench.measure.clock import SystemClock
from ray_bench.records import RunData
from ray_bench.stats.stopping import Decision
from ray_bench.train.group import Group
from ray_bench.train.hope import Judge
from ray_bench.train.ladder import Deliver, train_ladder
from ray_bench.train.requests import RunRequest
from ray_bench.train.run import train_rank
from ray_bench.workloads import catalog

#: Gives a run what it has from its launch.
OfLaunch = Callable[[RunData], RunData]


def launch_worker(loop_config: dict[str, Any]) -> list[Decision | None] | None:
    """Make this worker's part of a launch; rank 0 hands over every run as it ends.

    Returns:
        Why each ladder ended, on rank 0 of a launch of ladders.
    """
    launch: Launch = loop_config["launch"]
    import_from(launch.import_path)
    group = rank_group()
    with heartbeat.following(launch.inbox, launch.launch_id), telling_cause():
        return _work(launch, group, loop_config)


def _work(
    launch: Launch, group: Group, loop_config: dict[str, Any]
) -> list[Decision | None] | None:
    def deliver(runs: Sequence[RunData]) -> None:
        ray.get(launch.inbox.put.remote(list(runs)))

    with Courier(
        launch.inbox, launch_id=launch.launch_id, rank=group.rank, folder=launch.scratch_dir
    ) as courier:
        if isinstance(launch.work, Ladders):
            return _ladders(launch.work, group, deliver, courier)
        _runs(launch, launch.work, group, loop_config, deliver, courier)
    return None


def _runs(
    launch: Launch,
    work: Runs,
    group: Group,
    loop_config: dict[str, Any],
    deliver: Deliver,
    courier: Courier,
) -> None:
    started_at: datetime = loop_config["started_at"]
    with process_group(needed=work.point.is_ddp):
        flags = _placement_flags(launch, group)
        for number, expected in enumerate(work.expected):
            of_launch = partial(
                _of_launch,
                launch_id=launch.launch_id if work.is_shared else None,
                wait_s=loop_config.get("wait_s"),
                flags=flags,
                is_first=number == 0,
            )

            def keep(data: RunData, of_launch: OfLaunch = of_launch) -> None:
                if group.rank == 0:
                    ray.get(launch.inbox.keep.remote(of_launch(data)))

            request = _run_request(launch, work, expected, started_at)
            if launch.config.target is not None:
                _script(launch, request, expected, group, courier, deliver, flags, loop_config)
                continue
            data = _train(request, group, courier, keep, launch.inbox)
            if group.rank == 0:
                deliver([of_launch(data)])
            gc.collect()  # what a workload of the user's own holds in cycles
            started_at = datetime.now(UTC)


def _script(
    launch: Launch,
    request: RunRequest,
    expected: ExpectedRun,
    group: Group,
    courier: Courier,
    deliver: Deliver,
    flags: tuple[str, ...],
    loop_config: dict[str, Any],
) -> None:
    data = run_script(
        *(launch, request, expected, group, courier),
        wait_s=loop_config.get("wait_s"),
        flags=flags,
    )
    if data is not None:
        deliver([data])


def _placement_flags(launch: Launch, group: Group) -> tuple[str, ...]:
    """Return what must be said of the place of these ranks.

    Raises:
        PlacementError: If it is not the one that was asked for, and that one is exact, or a host
            is lost: what is measured now would be something else.
    """
    asked = asked_of(launch.work.point)
    if asked.name is None:
        return ()
    nodes: list[Any] = [None] * group.world_size
    dist.all_gather_object(nodes, here().node_id)
    hosts = hosts_of(launch.config, use_gpu=launch.use_gpu)
    words = difference(asked, nodes, [host.room for host in hosts])
    if words is not None and is_exact(asked):
        raise PlacementError(f"{words}. Run it again, or ask for a placement that the nodes allow.")
    reason = narrowed(asked, nodes, launch.config, launch.hosts, use_gpu=launch.use_gpu)
    if reason is not None:
        raise PlacementError(reason)
    return () if words is None else ("placement_differs",)


def _run_request(
    launch: Launch, work: Runs, expected: ExpectedRun, started_at: datetime
) -> RunRequest:
    return RunRequest(
        planned=expected.planned,
        config=launch.config,
        sweep_id=expected.sweep_id,
        attempt=expected.attempt,
        started_at_utc=started_at,
        commit=work.commit,
        trainer=trainer_of(launch.config),
    )


def _train(
    run: RunRequest, group: Group, courier: Courier, keep: Callable[[RunData], None], inbox: Any
) -> RunData:
    def ended_now(data: RunData) -> RunData:
        wall_s = (datetime.now(UTC) - run.started_at_utc).total_seconds()
        return replace(data, run=replace(data.run, wall_s=wall_s))

    courier.live.begin(run)
    workload = catalog.load(run.planned.point.workload)
    clock = SystemClock(group.device)
    return ended_now(
        train_rank(
            *(run, workload, group, clock, courier.record, courier.live),
            timed=lambda data: keep(ended_now(data)),
            vault=None if run.config.checkpoint.dir is None else RayVault(),
            judge=_judge(run, inbox) if run.config.stop.hopeless else None,
        )
    )


def _judge(run: RunRequest, inbox: Any) -> Judge:
    point = run.planned.point
    key = run.sweep_id, run.planned.run_id
    cohort = point.world_size, point.global_batch_size

    def judge(num_samples: int, score: float) -> str | None:
        reason: str | None = ray.get(inbox.judge.remote(key, cohort, num_samples, score))
        return reason

    return judge


def _of_launch(
    data: RunData,
    *,
    launch_id: str | None,
    wait_s: float | None,
    flags: tuple[str, ...],
    is_first: bool,
) -> RunData:
    """Name the launch; a later run began when its model and data were there."""
    run = replace(
        data.run,
        launch_id=launch_id,
        flags=data.run.flags + flags,
        wait_s=wait_s if is_first else None,
    )
    if not is_first:
        building_s = run.startup_s or 0.0
        run = replace(
            run,
            started_at_utc=run.started_at_utc + timedelta(seconds=building_s),
            wall_s=run.wall_s - building_s,
            setup_s=None,
            peak_memory_bytes=None,  # a process has one, of all its runs
        )
    return replace(data, run=run)


def _ladders(
    work: Ladders, everyone: Group, deliver: Deliver, courier: Courier
) -> list[Decision | None] | None:
    clock = SystemClock(everyone.device)
    with process_group(needed=True):
        decisions = [
            train_ladder(
                ladder,
                partial(catalog.load, ladder.config.workload),
                everyone,
                clock,
                deliver,
                courier.record,
                courier.live,
            )
            for ladder in work.ladders
        ]
    return decisions if everyone.rank == 0 else None


@contextlib.contextmanager
def telling_cause() -> Iterator[None]:
    """Let an error through that can be pickled; of another one, which Ray loses, the words.

    Raises:
        WorkerFailedError: With the error's own words and place.
    """
    try:
        yield
    except Exception as err:
        try:
            cloudpickle.loads(cloudpickle.dumps(err))  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001  # whatever its methods for it raise
            place = traceback.extract_tb(err.__traceback__)[-1]
            raise WorkerFailedError(
                f"{type(err).__name__}: {err} (in {place.name}, {place.filename}:{place.lineno})"
            ) from None
        raise


def import_from(path: str) -> None:
    """Let this worker import the user's own modules."""
    if path not in sys.path:
        sys.path.append(path)


def rank_group() -> Group:
    """Return this worker's place among all workers."""
    context = train.get_context()
    # Ray's local mode has no nodes.
    node = here() if ray.is_initialized() else None
    return Group(
        rank=context.get_world_rank(),
        world_size=context.get_world_size(),
        local_rank=context.get_local_rank(),
        device=get_device(),
        node_id=node.node_id if node else None,
        node_address=node.address if node else None,
    )


@contextlib.contextmanager
def process_group(*, needed: bool) -> Iterator[None]:
    """Give DDP a process group of one where Ray's local mode (`num_workers=0`) has made none."""
    if not needed or dist.is_initialized():
        yield
        return
    dist.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()
