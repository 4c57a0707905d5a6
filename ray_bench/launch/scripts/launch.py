"""A run of somebody else's script: every worker starts a rank of it, rank 0 makes the record."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ray_bench.config.script import ScriptLines
from ray_bench.launch.courier import Courier
from ray_bench.launch.requests import ExpectedRun, Launch
from ray_bench.launch.scripts.journal import JournalReader
from ray_bench.launch.scripts.meeting import ScriptMeeting
from ray_bench.launch.scripts.process import ScriptProcess, command_of, environment_of
from ray_bench.launch.scripts.rank import RankEnd, ScriptRank
from ray_bench.launch.scripts.record import run_data
from ray_bench.launch.scripts.train_fn import function_end
from ray_bench.records import RunData
from ray_bench.train.group import Group
from ray_bench.train.requests import RunRequest


def run_script(
    launch: Launch,
    request: RunRequest,
    expected: ExpectedRun,
    group: Group,
    courier: Courier,
    *,
    wait_s: float | None,
    flags: tuple[str, ...],
) -> RunData | None:
    """Run a script on all ranks; return what came of it on rank 0, failed or not."""
    courier.live.begin(request)
    meeting = ScriptMeeting(group)
    run_dir = _run_dir(launch)
    try:
        end = _rank_end(launch, expected, group, courier, meeting, run_dir)
        ends = meeting.gathered(replace(end, node_id=group.node_id, address=group.node_address))
    finally:
        shutil.rmtree(run_dir, ignore_errors=True)
    if ends is None:
        return None
    return run_data(request, expected, ends, wait_s=wait_s, flags=flags)


def _rank_end(
    launch: Launch,
    expected: ExpectedRun,
    group: Group,
    courier: Courier,
    meeting: ScriptMeeting,
    run_dir: Path,
) -> RankEnd:
    config, point = launch.config, expected.planned.point
    with tempfile.TemporaryDirectory(prefix="ray_bench-rank-", dir=_place(launch)) as own:
        if config.train_fn is not None:
            return function_end(launch, expected, group, courier, own=own, run_dir=str(run_dir))
        process = ScriptProcess(
            command_of(config, point, folder=own, run_dir=str(run_dir)),
            environment=environment_of(meeting.environment),
            folder=_working_folder(launch),
        )
        try:
            return _follow(process, launch, expected, group, courier, meeting, Path(own))
        finally:
            process.close()


def _follow(
    process: ScriptProcess,
    launch: Launch,
    expected: ExpectedRun,
    group: Group,
    courier: Courier,
    meeting: ScriptMeeting,
    folder: Path,
) -> RankEnd:
    config = launch.config
    name = config.target_name

    def show(lines: Sequence[str]) -> None:
        text = ScriptLines("\n".join(f"{name}: {line}" for line in lines))
        launch.inbox.say.remote(launch.launch_id, text)

    journal = JournalReader(
        folder,
        run_id=expected.planned.run_id,
        num_steps=None if config.until_end else config.steps,
        live=courier.live,
        record=courier.record,
    )
    return ScriptRank(
        group.rank,
        process,
        journal,
        meeting,
        limit_s=config.launch.timeout_s,
        show=show if group.rank == 0 else None,
    ).follow()


def _working_folder(launch: Launch) -> str:
    """Return where the user called `ray-bench run`, where this host has that folder."""
    return launch.import_path if os.path.isdir(launch.import_path) else os.getcwd()


def _place(launch: Launch) -> str:
    """Return where files are removed at the end of the sweep, whatever happens to the worker."""
    has_it = os.path.isdir(launch.scratch_dir)
    return launch.scratch_dir if has_it else tempfile.gettempdir()


def _run_dir(launch: Launch) -> Path:
    """Make the run's folder of this host, which its ranks share."""
    place = Path(_place(launch)) / f"ray_bench-run-{launch.launch_id}"
    place.mkdir(exist_ok=True)
    return place
