"""A ladder: all world sizes take turns in one group of workers, so that drift hits all alike.

The first n ranks are the group of world size n; the others wait, without using a core, until its
turn is over. Speed is measured, not accuracy: nothing is evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import torch
import torch.distributed as dist

from ray_bench.measure.clock import Clock
from ray_bench.records import PlannedRun, Point, RunData
from ray_bench.stats.stopping import Decision, StopRule
from ray_bench.train.arm import Arm, make_arm
from ray_bench.train.group import Group, Spare
from ray_bench.train.live import LiveRank
from ray_bench.train.prepare import AnyRecord
from ray_bench.train.requests import LadderRequest, RunRequest

#: Waiting for a turn has no limit of its own; a rank that dies closes its connections.
_PATIENCE = timedelta(days=7)

#: Receives the runs of a round on rank 0, as soon as it is over.
Deliver = Callable[[Sequence[RunData]], None]


def train_ladder(
    request: LadderRequest,
    load: Callable[[], Any],
    everyone: Group,
    clock: Clock,
    deliver: Deliver,
    record: Callable[[AnyRecord], None] = lambda _: None,
    live: LiveRank | None = None,
) -> Decision | None:
    """Measure round after round on this rank; all ranks call it together.

    Args:
        request: The ladder.
        load: Returns the workload, a new one for every world size.
        everyone: This rank among all ranks, of which there are as many as the largest world size.
        clock: Where every duration comes from.
        deliver: Called on rank 0 with each finished round.
        record: Called with each record of this rank as soon as it exists.
        live: Told what this rank is doing.

    Returns:
        Why it stopped, on rank 0 of a ladder with a stop rule.
    """
    # The first optimizer and DDP import it, 1 to 2 s of CPU: now, on all ranks at once.
    import torch._dynamo  # noqa: F401

    control = _control_group(everyone)
    groups = _groups(request.points, everyone)
    arms: dict[Point, Arm] = {}
    for point in request.points:
        control.barrier()
        group = groups[point]
        if group is not None:
            asked = _run_request(request, point)
            arms[point] = make_arm(asked, load(), group, clock, record, live)
    return _rounds(request, arms, control, deliver)


def _rounds(
    request: LadderRequest, arms: Mapping[Point, Arm], control: Group, deliver: Deliver
) -> Decision | None:
    begin = datetime.now(UTC)
    log_rates: dict[int, list[float]] = {}
    for turns in request.rounds:
        finished: list[RunData] = []
        for planned in turns:
            control.barrier()
            if planned.point in arms:
                run = _run_request(request, planned.point, planned)
                finished.append(arms[planned.point].turn(run, request.ladder_id))
        decision = None
        if control.rank == 0:
            deliver(finished)
            decision = _look(request.rule, log_rates, finished, datetime.now(UTC) - begin)
        has_stopped = decision is not None and decision.has_stopped
        if control.max(float(has_stopped)):
            return decision
    return None


def _look(
    rule: StopRule | None,
    log_rates: dict[int, list[float]],
    finished: Sequence[RunData],
    elapsed: timedelta,
) -> Decision | None:
    """Add a round to what the rule sees, world size 1 without DDP, and return what it decides."""
    for data in finished:
        point, rate = data.run.point, data.run.throughput_samples_per_s
        if rate is not None and point.is_ddp == (point.world_size > 1):
            log_rates.setdefault(point.world_size, []).append(math.log(rate))
    if rule is None:
        return None
    return rule.look(log_rates, paired=True, elapsed_s=elapsed.total_seconds())


def _run_request(
    request: LadderRequest, point: Point, planned: PlannedRun | None = None
) -> RunRequest:
    planned = planned or next(run for run in request.rounds[0] if run.point == point)
    return RunRequest(
        planned=planned,
        config=request.config,
        sweep_id=request.sweep_id,
        attempt=request.attempts.get(planned.run_id, 1),
        started_at_utc=datetime.now(UTC),
        commit=request.commit,
        trainer=request.trainer,
    )


def _control_group(everyone: Group) -> Group:
    """Return the group in which ranks wait for their turn: gloo sleeps, NCCL would spin."""
    if everyone.world_size == 1:
        return everyone
    group = dist.new_group(backend="gloo", timeout=_PATIENCE)
    return replace(everyone, device=torch.device("cpu"), process_group=group)


def _groups(points: Sequence[Point], everyone: Group) -> dict[Point, Group | None]:
    """Return the group of each world size, None where this rank has no part in it.

    All ranks make all process groups, in one order, as torch asks.
    """
    return dict(zip(points, _made(points, everyone), strict=True))


def _made(points: Sequence[Point], everyone: Group) -> Iterator[Group | None]:
    for point in points:
        size = point.world_size
        needs_group = size < everyone.world_size and (size > 1 or point.is_ddp)
        process_group = dist.new_group(range(size)) if needs_group else None
        needs_spare = needs_group and size > 1 and everyone.sees_who_leaves
        spare = Spare(dist.new_group(range(size))) if needs_spare else None
        mine = replace(everyone, world_size=size, process_group=process_group, spare=spare)
        yield mine if everyone.rank < size else None
