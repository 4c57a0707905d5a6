"""The order of a ladder's turns."""

from __future__ import annotations

from collections import Counter

import pytest
from pydantic import ValidationError

from ray_bench.config.grid import expand
from ray_bench.config.rounds import ladder_runs, planned_runs
from ray_bench.config.schema import SweepConfig


def config(**values) -> SweepConfig:
    return SweepConfig.model_validate(
        {
            "workload": "emulated",
            "world_sizes": [1, 2, 4],
            "batch_size": 64,
            "lr": 0.1,
            "interleaved": True,
            **values,
        }
    )


def test_every_world_size_has_one_turn_in_every_round():
    runs = ladder_runs(config(ladder={"rounds": 7}))
    assert [run.order_index for run in runs] == list(range(21))
    for first in range(0, 21, 3):
        turns = runs[first : first + 3]
        assert {run.repeat for run in turns} == {first // 3}
        assert {run.point.world_size for run in turns} == {1, 2, 4}


def test_in_as_many_rounds_as_world_sizes_each_has_every_place_once():
    runs = ladder_runs(config(ladder={"rounds": 6}))
    places = Counter((run.repeat // 3, run.order_index % 3, run.point.world_size) for run in runs)
    assert set(places.values()) == {1}
    assert len(places) == 2 * 3 * 3


def test_more_rounds_begin_with_the_same_ones_and_the_seed_decides_the_order():
    few, many = ladder_runs(config()), ladder_runs(config(), 9)
    assert many[: len(few)] == few
    other = ladder_runs(config(launch={"order_seed": 1}))
    assert [r.point for r in other] != [r.point for r in few]


def test_world_size_one_takes_turns_with_and_without_ddp_on_request():
    runs = ladder_runs(config(ddp={"at_world_size_one": True}))
    first = {(run.point.world_size, run.point.is_ddp) for run in runs[:4]}
    assert first == {(1, False), (1, True), (2, True), (4, True)}


def test_a_sweep_is_a_ladder_only_on_request():
    assert planned_runs(config()) == ladder_runs(config())
    fresh = config(interleaved=False)
    assert planned_runs(fresh) == expand(fresh)


@pytest.mark.parametrize("values", [{"seeds": [0, 1]}, {"lr_rules": ["none", "linear"]}])
def test_a_ladder_takes_one_rule_and_one_seed(values):
    with pytest.raises(ValidationError, match="give one of each"):
        config(**values)
