"""What the launch would have asked the ranks for, made by hand."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

from ray_bench.config.schema import SweepConfig
from ray_bench.records import PlannedRun
from ray_bench.stats.stopping import StopRule
from ray_bench.train.requests import LadderRequest, RunRequest


def run_request(config: SweepConfig, planned: PlannedRun) -> RunRequest:
    """One run in a process group of its own."""
    return RunRequest(
        planned=planned,
        config=config,
        sweep_id="test",
        attempt=1,
        started_at_utc=datetime.now(UTC),
        commit=None,
    )


def ladder_request(
    config: SweepConfig,
    planned: Sequence[PlannedRun],
    *,
    rule: StopRule | None = None,
    sweep_id: str = "test",
) -> LadderRequest:
    """Turns of one group, by round."""
    rounds = itertools.groupby(planned, key=lambda run: run.repeat)
    return LadderRequest(
        rounds=tuple(tuple(turns) for _, turns in rounds),
        config=config,
        sweep_id=sweep_id,
        ladder_id="ladder",
        attempts={},
        started_at_utc=datetime.now(UTC),
        commit=None,
        rule=rule,
    )
