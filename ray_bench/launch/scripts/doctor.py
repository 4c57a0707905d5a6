"""A few steps of a script at world size 1, without Ray and without results."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ray_bench.config.grid import points_of
from ray_bench.config.schema import SweepConfig
from ray_bench.journals.checks import script_checks
from ray_bench.journals.launch import launch_of
from ray_bench.launch.failures import Failure
from ray_bench.launch.scripts.journal import JournalReader
from ray_bench.launch.scripts.process import ScriptProcess, command_of, environment_of
from ray_bench.launch.scripts.rank import ScriptRank
from ray_bench.measure.check import Check
from ray_bench.train.live import LiveRank

NUM_STEPS = 20
_ALONE = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
_FEW = {"warmup_steps": 5, "warmup_s": 0.0, "phase_steps": 5}


_NOTHING = Failure(
    "NothingMeasured",
    "The script ended, with exit code 0, before an optimizer of torch had made an update. Where it "
    "makes none, call ray_bench.step(num_samples=...) after each training step.",
    0,
)


class _Nobody:
    """Whom a single rank meets."""

    has_failed = False

    def fail(self) -> None:
        """Nobody hears it."""


def trial_run(
    config: SweepConfig, show: Callable[[Sequence[str]], None]
) -> tuple[list[Check], Failure | None]:
    """Run a script for 20 timed steps; return what was found of it, and why it failed.

    Args:
        config: Of a sweep over the script; its first point of 1 worker is taken.
        show: Told lines of the script's output.
    """
    measure = config.measure.model_copy(update=_FEW)
    changes = {"measure": measure, "steps": NUM_STEPS, "until_end": False, "world_sizes": (1,)}
    config = config.model_copy(update=changes)
    with tempfile.TemporaryDirectory(prefix="ray_bench-script-") as name:
        folder, run_dir = Path(name) / "own", Path(name) / "run"
        run_dir.mkdir()
        process = ScriptProcess(
            command_of(config, points_of(config)[0], folder=str(folder), run_dir=str(run_dir)),
            environment=environment_of(_own_environment(config)),
            folder=".",
        )
        failure = _followed(process, folder, config, show)
        files = sorted(folder.glob("attached/*"))
        launch = launch_of(files[-1]) if files else None
        if launch is None:
            return [], failure or _NOTHING
        return script_checks(launch), failure


def _own_environment(config: SweepConfig) -> dict[str, str]:
    # A script that wants to meet others at one rank as well needs a port; torchrun gives one, too.
    return {**config.launch.env, **_ALONE, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}


def _followed(
    process: ScriptProcess,
    folder: Path,
    config: SweepConfig,
    show: Callable[[Sequence[str]], None],
) -> Failure | None:
    live = LiveRank(clock_s=time.monotonic)
    journal = JournalReader(
        folder, run_id="", num_steps=NUM_STEPS, live=live, record=lambda _: None
    )
    try:
        return (
            ScriptRank(0, process, journal, _Nobody(), limit_s=config.launch.timeout_s, show=show)
            .follow()
            .failure
        )
    finally:
        process.close()
        show(process.output.take_lines())
