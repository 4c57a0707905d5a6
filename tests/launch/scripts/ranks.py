"""Two ranks of a script as two workers would follow them, without Ray."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import final

from torch._C._distributed_c10d import TCPStore

from ray_bench.config.grid import expand
from ray_bench.config.load import load
from ray_bench.config.schema import SweepConfig
from ray_bench.launch.requests import ExpectedRun
from ray_bench.launch.scripts.journal import JournalReader
from ray_bench.launch.scripts.process import ScriptProcess, command_of, environment_of
from ray_bench.launch.scripts.rank import RankEnd, ScriptRank
from ray_bench.launch.scripts.record import run_data
from ray_bench.records import RunData
from ray_bench.sweep.request import script_settings
from ray_bench.train.live import LiveRank
from ray_bench.train.requests import RunRequest


@final
class Meeting:
    """Of workers that are threads of one process."""

    def __init__(self) -> None:
        self._failed = threading.Event()

    @property
    def has_failed(self) -> bool:
        return self._failed.is_set()

    def fail(self) -> None:
        self._failed.set()


def asked(script: Path, *overrides: str, args: tuple[str, ...] = ()) -> SweepConfig:
    """Return the configuration of a sweep over a script."""
    settings = ("measure.warmup_s=0.05", *overrides, *script_settings((str(script), *args)))
    return load(None, settings)


def run_ranks(config: SweepConfig, folder: Path, world_size: int = 2) -> RunData:
    """Return the record of a script's run with so many ranks."""
    planned = next(run for run in expand(config) if run.point.world_size == world_size)
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    meeting, began = Meeting(), datetime.now(UTC)

    def follow(rank: int) -> RankEnd:
        own, run_dir = folder / f"own-{rank}", folder / "run"
        run_dir.mkdir(parents=True, exist_ok=True)
        numbers = {"RANK": rank, "WORLD_SIZE": world_size, "LOCAL_RANK": rank}
        numbers |= {"LOCAL_WORLD_SIZE": world_size, "MASTER_PORT": store.port}
        environment = {name: str(value) for name, value in numbers.items()}
        environment |= {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_USE_AGENT_STORE": "True"}
        environment |= {"OMP_NUM_THREADS": "1"}
        process = ScriptProcess(
            command_of(config, planned.point, folder=str(own), run_dir=str(run_dir)),
            environment=environment_of(environment),
            folder=str(folder),
        )
        steps = None if config.until_end else config.steps
        journal = JournalReader(
            own, run_id="", num_steps=steps, live=LiveRank(), record=lambda _: None
        )
        limit_s = config.launch.timeout_s
        try:
            return ScriptRank(rank, process, journal, meeting, limit_s=limit_s, show=None).follow()
        finally:
            process.close()

    with ThreadPoolExecutor(world_size) as pool:
        ends = list(pool.map(follow, range(world_size)))
    request = RunRequest(
        planned=planned, config=config, sweep_id="s", attempt=1, started_at_utc=began,
        commit=None, trainer="plain",
    )  # fmt: skip
    expected = ExpectedRun(planned=planned, sweep_id="s", attempt=1)
    return run_data(request, expected, ends, wait_s=None, flags=())
