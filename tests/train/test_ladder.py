"""World sizes that take turns in one group of workers."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from statistics import fmean

import torch

from ray_bench.config.rounds import ladder_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.measure.clock import SystemClock
from ray_bench.sweep.rounds import stop_rule
from ray_bench.train.group import Group
from ray_bench.train.ladder import train_ladder
from ray_bench.train.requests import LadderRequest
from ray_bench.workloads.emulated import Emulated
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.requests import ladder_request

COMPUTE_S = 0.006


def request(world_sizes=(1, 2, 3), rounds: int = 3, **values) -> LadderRequest:
    config = SweepConfig.model_validate(
        {
            "workload": "emulated",
            "world_sizes": list(world_sizes),
            "batch_size": 12,
            "lr": 0.1,
            "epochs": 1,
            "interleaved": True,
            "ladder": {"rounds": rounds, "turn_s": 0.1},
            "ddp": {"bucket_cap_mb": 0.001},
            "measure": {
                "warmup_steps": 2,
                "warmup_s": 0,
                "block_s": 0.05,
                "phase_steps": 2,
                "sync_pairs": 1,
            },
            "emulated": {"compute_s_per_sample": COMPUTE_S},
            **values,
        }
    )
    rule = stop_rule(config.stop, min_rounds=rounds)
    planned = ladder_runs(config, rule.max_rounds if rule else None)
    return ladder_request(config, planned, rule=rule)


def climb(ladder: LadderRequest, tmp_path, load=Emulated):
    """Return (rounds as delivered on rank 0, decision)."""

    def job(group: Group):
        rounds: list = []
        clock = SystemClock(group.device)
        decision = train_ladder(ladder, load, group, clock, lambda runs: rounds.append(list(runs)))
        return rounds, decision

    size = max(point.world_size for point in ladder.points)
    ranks = run_ranks(job, size, tmp_path)
    assert all(rounds == [[]] * len(rounds) or rank == 0 for rank, (rounds, _) in enumerate(ranks))
    return ranks[0]


def test_every_world_size_takes_its_turn_in_every_round(tmp_path):
    ladder = request()
    rounds, decision = climb(ladder, tmp_path)
    assert decision is None
    assert [[data.run.run_id for data in turns] for turns in rounds] == [
        [planned.run_id for planned in turns] for turns in ladder.rounds
    ]
    runs = [data.run for turns in rounds for data in turns]
    assert {run.ladder_id for run in runs} == {"ladder"}
    assert {run.status for run in runs} == {"ok"}
    for size in (1, 2, 3):
        mine = [run for run in runs if run.point.world_size == size]
        step_s = fmean(run.step_time_s for run in mine)
        # Sleeping never takes less, and on a busy machine somewhat more.
        assert 0.99 <= step_s / (12 / size * COMPUTE_S) < 1.9
        assert {run.repeat for run in mine} == {0, 1, 2}


def test_each_run_has_blocks_of_its_own_and_the_first_has_the_passes(tmp_path):
    rounds, _ = climb(request((1, 2), rounds=2), tmp_path)
    for turns in rounds:
        for data in turns:
            run_id, size = data.run.run_id, data.run.point.world_size
            for table in (data.blocks, data.epochs, data.phases, data.buckets, data.sync_pairs):
                assert {row.run_id for row in table} <= {run_id}
            assert {block.rank for block in data.blocks} == set(range(size))
            assert not any(block.is_warmup for block in data.blocks)
            assert data.run.num_steps == sum(b.num_steps for b in data.blocks if b.rank == 0)
    first, second = ([data for data in turns if data.run.point.world_size == 2] for turns in rounds)
    assert len(first[0].phases) > 0
    assert len(first[0].sync_pairs) == 2
    assert len(second[0].phases) == 0


def test_what_has_no_meaning_in_a_turn_is_unknown(tmp_path):
    rounds, _ = climb(request((1, 2), rounds=2), tmp_path)
    run = rounds[0][0].run
    assert run.setup_s is None
    assert run.peak_memory_bytes is None
    assert run.final_val_accuracy_frac is None
    assert not {"few_blocks", "steps_cut"} & set(run.flags)
    assert "emulated" in run.flags


def test_world_size_one_takes_turns_with_ddp_too(tmp_path):
    ladder = request((1, 2), rounds=2, ddp={"at_world_size_one": True})
    rounds, _ = climb(ladder, tmp_path)
    arms = {(data.run.point.world_size, data.run.point.is_ddp) for data in rounds[0]}
    assert arms == {(1, False), (1, True), (2, True)}


def test_real_training_goes_on_from_turn_to_turn(tmp_path):
    def load():
        return TinyWorkload(num_samples=60)

    ladder = request((1, 2), rounds=4, ladder={"rounds": 4, "turn_s": 0.02})
    rounds, _ = climb(ladder, tmp_path, load)
    for size in (1, 2):
        losses = [
            data.run.final_train_loss
            for turns in rounds
            for data in turns
            if data.run.point.world_size == size
        ]
        assert losses[-1] < losses[0]


def test_a_ladder_stops_when_the_speedups_are_narrow_and_all_ranks_agree(tmp_path):
    ladder = request((1, 2), rounds=2, stop={"half_width": 0.9, "max_repeats": 12})
    rounds, decision = climb(ladder, tmp_path)
    assert decision is not None
    assert decision.reason == "narrow_enough"
    assert len(rounds) == decision.num_rounds < 12
    assert decision.half_width_frac is not None
    assert decision.half_width_frac < math.inf


def test_a_rank_without_a_part_in_a_world_size_makes_none_of_its_steps(tmp_path):
    rounds, _ = climb(request((2, 3), rounds=2), tmp_path)
    two = next(data for data in rounds[0] if data.run.point.world_size == 2)
    assert {block.rank for block in two.blocks} == {0, 1}


def test_one_world_size_needs_no_process_group():
    ladder = request((1,), rounds=2)
    group = Group(rank=0, world_size=1, local_rank=0, device=torch.device("cpu"))
    rounds: list = []
    train_ladder(ladder, Emulated, group, SystemClock(group.device), rounds.append)
    assert len(rounds) == 2


_ORDER = """
from ray_bench.config.load import fill_in, load
from ray_bench.config.rounds import ladder_runs
from ray_bench.workloads.catalog import BUILTIN
from tests.requests import ladder_request

values = ["workload=cnn-digits", "interleaved=true", "world_sizes=[1,2]", "precision=[fp32,bf16]"]
values += ["accumulate_steps=[1,2,4]", "ddp.bucket_cap_mb=[1,25]"]
config = fill_in(load(None, values), BUILTIN["cnn-digits"].defaults)
print([point.point_id for point in ladder_request(config, ladder_runs(config)).points])
"""


def test_every_process_builds_the_points_in_one_order():
    """Ranks are processes with hashes of their own; they build each point together."""
    orders = {
        subprocess.run(
            [sys.executable, "-c", _ORDER],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(orders) == 1
