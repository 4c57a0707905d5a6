"""Ray's local mode: a trainer whose only worker is this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.inbox import Mail
from ray_bench.launch.requests import ExpectedRun, Launch, Runs
from ray_bench.launch.trial import make_trainer
from ray_bench.launch.words import RankWords
from ray_bench.launch.worker import launch_worker
from ray_bench.records import PlannedRun, RunData


class Box:
    """The inbox without an actor; `ray.get` has to hand through what it is given."""

    def __init__(self) -> None:
        self.runs: list[RunData] = []
        self.words: list[RankWords] = []
        self.put = SimpleNamespace(remote=self.runs.extend)
        self.timed: list[RunData] = []
        self.keep = SimpleNamespace(remote=self.timed.append)
        self.tell = SimpleNamespace(remote=self.words.append)
        self.take = SimpleNamespace(remote=self._taken)
        self.said: list[tuple[str, Any]] = []
        self.said_at: datetime | None = None  # None: when it is heard
        self.news = SimpleNamespace(remote=self._news)

    def _news(self) -> list[tuple[str, Any, datetime]]:
        said, self.said = self.said, []
        return [(launch_id, word, self.said_at or datetime.now(UTC)) for launch_id, word in said]

    def _taken(self) -> Mail:
        taken = Mail(list(self.runs), list(self.words), list(self.timed))
        self.timed.clear()
        self.runs.clear()
        self.words.clear()
        return taken


def launch_of(
    planned: Sequence[PlannedRun], config: SweepConfig, folder: Path, box: Box, *, is_shared=False
) -> Launch:
    """Return a launch of these runs, as the first attempt of a sweep `s`."""
    expected = tuple(ExpectedRun(planned=run, sweep_id="s", attempt=1) for run in planned)
    return Launch(
        launch_id="launch",
        work=Runs(expected=expected, commit=None, is_shared=is_shared),
        config=config,
        use_gpu=False,
        import_path=".",
        scratch_dir=str(folder),
        inbox=box,
    )


def launch_here(launch: Launch) -> list[RunData]:
    """Return what the launch hands over."""
    fit_here(launch_worker, launch.config, loop_config(launch), Path(launch.scratch_dir))
    return launch.inbox.take.remote().runs


def loop_config(launch: Launch) -> dict[str, Any]:
    """Return what the worker's loop is given."""
    return {"launch": launch, "started_at": datetime.now(UTC)}


def fit_here(
    loop: Callable[[dict[str, Any]], Any], config: SweepConfig, asked: dict[str, Any], folder: Path
) -> Any:
    """Return what the loop returns."""
    trainer = make_trainer(
        config,
        num_workers=0,
        use_gpu=False,
        loop=loop,
        loop_config=asked,
        name="local",
        scratch_dir=str(folder),
    )
    return trainer.fit().return_value
