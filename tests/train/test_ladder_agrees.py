"""A ladder and fresh process groups give the same speedup."""

from __future__ import annotations

import pytest

from ray_bench.analysis.curve import curve_of
from ray_bench.config.grid import expand
from ray_bench.config.rounds import ladder_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.measure.clock import SystemClock
from ray_bench.train.group import Group
from ray_bench.train.ladder import train_ladder
from ray_bench.train.run import train_rank
from ray_bench.workloads.emulated import Emulated
from tests.ranks import run_ranks
from tests.requests import ladder_request, run_request

VALUES = {
    "workload": "emulated",
    "world_sizes": [1, 2],
    "batch_size": 16,
    "lr": 0.1,
    "steps": 14,
    "repeats": 4,
    "ddp": {"bucket_cap_mb": 0.001},
    "ladder": {"rounds": 6, "turn_s": 0.6},
    "measure": {
        "warmup_steps": 3,
        "warmup_s": 0,
        "phase_steps": 0,
        "sync_pairs": 0,
        "checkpoint": False,
        "sentinel": False,
    },
    "emulated": {"compute_s_per_sample": 0.006, "serial_s": 0.02},
}


def fresh_runs(tmp_path) -> list:
    config = SweepConfig.model_validate(VALUES)
    runs = []
    for planned in expand(config):
        request = run_request(config, planned)

        def job(group: Group, request=request):
            return train_rank(request, Emulated(), group, SystemClock(group.device)).run

        runs.append(run_ranks(job, planned.point.world_size, tmp_path)[0])
    return runs


def ladder_of_turns(tmp_path) -> list:
    config = SweepConfig.model_validate({**VALUES, "interleaved": True})
    request = ladder_request(config, ladder_runs(config))

    def job(group: Group) -> list:
        runs: list = []
        train_ladder(request, Emulated, group, SystemClock(group.device), runs.extend)
        return [data.run for data in runs]

    return run_ranks(job, 2, tmp_path)[0]


@pytest.mark.slow
def test_a_ladder_and_fresh_groups_agree_within_their_intervals(tmp_path):
    fresh, ladder = fresh_runs(tmp_path), ladder_of_turns(tmp_path)
    speedups = [curve_of(runs, {}).ratio(2, 1).estimate for runs in (fresh, ladder)]
    assert all(x.low is not None and x.low < x.high < 1.2 * x.low for x in speedups), speedups
    assert speedups[0].low < speedups[1].high, speedups
    assert speedups[1].low < speedups[0].high, speedups
    planted = (0.02 + 16 * 0.006) / (0.02 + 8 * 0.006)
    assert all(abs(x.value / planted - 1) < 0.06 for x in speedups), speedups
