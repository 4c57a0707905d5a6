"""What a run of a script leaves: its record, made from its ranks' files, and what they wrote."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ray_bench.journals.convert import attached_run
from ray_bench.journals.launch import Launch, launch_of
from ray_bench.launch.failures import Failure
from ray_bench.launch.requests import ExpectedRun, failure_records
from ray_bench.launch.scripts.rank import RankEnd
from ray_bench.records import Launched, RunData
from ray_bench.train.requests import RunRequest


def run_data(
    request: RunRequest,
    expected: ExpectedRun,
    ends: Sequence[RankEnd],
    *,
    wait_s: float | None,
    flags: tuple[str, ...],
) -> RunData:
    """Return what is stored of a run; of one that failed the cause and all that was measured.

    Args:
        request: What the run was asked for.
        expected: The run.
        ends: Of all ranks, in their order.
        wait_s: For places, before the launch.
        flags: Of the place.
    """
    known = {
        "started_at_utc": request.started_at_utc,
        "wall_s": (datetime.now(UTC) - request.started_at_utc).total_seconds(),
        "trainer": request.trainer,
        "wait_s": wait_s,
    }
    failed = sorted((end for end in ends if end.failure is not None), key=lambda x: x.blame)
    told = {end.rank: end.failure for end in failed if end.failure is not None}
    with tempfile.TemporaryDirectory(prefix="ray_bench-journals-") as name:
        launch = _written(Path(name), ends)
        cause = failed[0].failure if failed else _nothing(launch, expected.planned.point.world_size)
        if launch is None:
            assert cause is not None, "without a step there is nothing to keep"
            data = _without_steps(expected, cause, known, told)
        else:
            launched: Launched = "script" if request.config.script is not None else "train_fn"
            data = _with_steps(expected, launch, ends, known, launched)
    if cause is not None and launch is not None:
        data = _failed(data, cause, told)
    at_exit = ("died_at_exit",) if any(end.died_at_exit for end in ends) else ()
    run = replace(data.run, flags=(*data.run.flags, *flags, *at_exit))
    return replace(data, run=run, outputs={end.rank: end.output for end in ends if end.output})


def _written(folder: Path, ends: Sequence[RankEnd]) -> Launch | None:
    """Bring the files of all ranks, which may be of several hosts, into one folder."""
    for end in ends:
        if end.journal:
            (folder / f"rank-{end.rank}.jsonl").write_bytes(end.journal)
    return launch_of(folder)


def _with_steps(
    expected: ExpectedRun,
    launch: Launch,
    ends: Sequence[RankEnd],
    known: Mapping[str, Any],
    launched: Launched,
) -> RunData:
    first_step_s = max(float(rank.facts["first_step_unix_s"]) for rank in launch.ranks)
    nodes = tuple(end.node_id for end in ends if end.node_id is not None)
    addresses = tuple(end.address for end in ends if end.address is not None)
    planned = expected.planned
    return attached_run(
        launch.folder,
        sweep_id=expected.sweep_id,
        run_id=planned.run_id,
        point=planned.point,
        repeat=planned.repeat,
        order_index=planned.order_index,
        attempt=expected.attempt,
        launched=launched,
        setup_s=max(0.0, first_step_s - known["started_at_utc"].timestamp()),
        rank_node_ids=nodes if len(nodes) == len(ends) else None,
        rank_addresses=addresses if len(addresses) == len(ends) else None,
        **known,
    )


def _without_steps(
    expected: ExpectedRun,
    cause: Failure,
    known: Mapping[str, Any],
    told: Mapping[int, Failure],
) -> RunData:
    return expected.failed(
        cause,
        known["started_at_utc"],
        wall_s=known["wall_s"],
        trainer=known["trainer"],
        wait_s=known["wait_s"],
        told=told,
    )


def _failed(data: RunData, cause: Failure, told: Mapping[int, Failure]) -> RunData:
    run = replace(
        data.run,
        status=cause.status,
        error_type=cause.type,
        error_message=cause.message,
        error_rank=cause.rank,
        error_traceback=cause.traceback,
    )
    return replace(data, run=run, failures=failure_records(run.run_id, "run", cause, told))


def _nothing(launch: Launch | None, world_size: int) -> Failure | None:
    """Return why a script that ended well has measured nothing; None where it has something."""
    if launch is None:
        return Failure(
            "NothingMeasured",
            "The script ended, with exit code 0, before an optimizer had made an update.",
            None,
        )
    if launch.world_size != world_size:
        return Failure(
            "NotTogether",
            f"{world_size} ranks were started, and the script's process group has "
            f"{launch.world_size}: each trained alone, which is no scaling.",
            None,
        )
    if not all(rank.num_timed for rank in launch.ranks):
        return Failure(
            "NothingMeasured", "The script ended, with exit code 0, before warm-up was over.", None
        )
    return None
