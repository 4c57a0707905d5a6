"""Tests of the grid."""

import math

import pytest

from ray_bench.config.grid import config_sha256, expand, further_round, lr_factor, rules_coincide
from ray_bench.config.groups import WorkloadDefaults
from ray_bench.config.schema import SweepConfig


def grid(**changes):
    return expand(SweepConfig(workload="x", **changes).with_defaults(WorkloadDefaults()))


def is_plain_one(run):
    return run.point.world_size == 1 and not run.point.is_ddp


@pytest.mark.parametrize("repeats", [1, 2, 3, 5])
def test_one_worker_runs_at_start_middle_and_end(repeats):
    wanted = True if repeats == 1 else None
    runs = grid(world_sizes=(1, 2, 4), repeats=repeats, measure={"sentinel": wanted})
    assert len(runs) == 2 * repeats + max(3, repeats)
    assert len({run.run_id for run in runs}) == len(runs)
    middle = [i for i, run in enumerate(runs) if is_plain_one(run) and run.repeat == 1]
    assert is_plain_one(runs[0])
    assert is_plain_one(runs[-1])
    assert abs(middle[0] - (len(runs) - 1) / 2) <= 0.5
    assert [run.order_index for run in runs] == list(range(len(runs)))


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"repeats": 1}, 2),
        ({"repeats": 2, "measure": {"sentinel": False}}, 4),
        ({"repeats": 2, "world_sizes": (2, 4)}, 4),
        ({"repeats": 2, "world_sizes": (1,)}, 2),
        ({"repeats": 2, "seeds": (0, 1), "lr_rules": ("none", "linear")}, 17),
    ],
)
def test_no_more_sentinels_than_are_wanted(changes, count):
    assert len(grid(**changes)) == count


def test_a_further_round_has_every_point_that_is_not_there():
    config = SweepConfig(workload="x", repeats=2).with_defaults(WorkloadDefaults())
    planned = expand(config)
    third = further_round(config, 2, planned)
    assert [(run.point.world_size, run.repeat) for run in third] == [(2, 2)]  # 1 is the sentinel's
    fourth = further_round(config, 3, planned + third)
    assert sorted(run.point.world_size for run in fourth) == [1, 2]
    assert [run.order_index for run in planned + third + fourth] == list(range(8))
    assert fourth == further_round(config, 3, planned + third)


def test_every_cell_is_there_once():
    runs = grid(world_sizes=(1, 2, 4), lr_rules=("none", "sqrt"), seeds=(0, 1), repeats=3)
    assert len({run.run_id for run in runs}) == len(runs) == 3 * 2 * 2 * 3
    assert [run.order_index for run in runs] == list(range(len(runs)))


def test_the_order_is_random_and_repeatable():
    runs = grid(repeats=8)
    assert runs == grid(repeats=8)
    sizes = [run.point.world_size for run in runs]
    assert sizes != sorted(sizes)
    assert runs != grid(repeats=8, launch={"order_seed": 1})


@pytest.mark.parametrize(
    ("scaling", "world_size", "global_batch", "local_batch"),
    [("strong", 4, 128, 32), ("weak", 4, 512, 128)],
)
def test_batches(scaling, world_size, global_batch, local_batch):
    (run,) = grid(scaling=scaling, world_sizes=(world_size,))
    assert run.point.global_batch_size == global_batch
    assert run.point.local_batch_size == local_batch


@pytest.mark.parametrize(
    ("rule", "factor"), [("none", 1.0), ("linear", 4.0), ("sqrt", math.sqrt(4))]
)
def test_learning_rate_rules(rule, factor):
    assert lr_factor(rule, 4.0) == factor
    (run,) = grid(scaling="weak", world_sizes=(4,), lr_rules=(rule,), lr=0.1)
    assert run.point.lr == pytest.approx(0.1 * factor)


def test_strong_scaling_keeps_the_rate_unless_it_follows_the_world_size():
    (run,) = grid(world_sizes=(4,), lr=0.1)
    assert run.point.lr == 0.1
    (run,) = grid(world_sizes=(4,), lr=0.1, optimizer={"scale_with": "world_size"})
    assert run.point.lr == pytest.approx(0.4)


def test_one_worker_runs_plain_and_on_request_with_ddp():
    assert [run.point.is_ddp for run in grid(world_sizes=(1,))] == [False]
    both = grid(world_sizes=(1,), ddp={"at_world_size_one": True})
    assert sorted(run.point.is_ddp for run in both) == [False, True]
    assert len({run.run_id for run in both}) == 2


def test_prices_do_not_change_the_hash():
    base = SweepConfig(workload="x")
    assert config_sha256(base) == config_sha256(
        base.model_copy(update={"price_per_worker_hour": 3.0, "currency": "EUR"})
    )
    assert config_sha256(base) != config_sha256(base.model_copy(update={"repeats": 2}))


@pytest.mark.parametrize(
    ("asked", "alike"),
    [
        ({"scaling": "strong"}, True),
        ({"scaling": "weak"}, False),
        ({"scaling": "strong", "optimizer": {"scale_with": "world_size"}}, False),
        ({"scaling": "weak", "world_sizes": [1]}, True),
        ({"scaling": "strong", "lr_rules": ["linear"]}, False),
    ],
)
def test_rules_that_train_alike_are_told(asked, alike):
    defaults = {"workload": "cnn-digits", "world_sizes": [1, 2], "lr_rules": ["none", "linear"]}
    config = SweepConfig.model_validate({**defaults, **asked}).with_defaults(WorkloadDefaults())
    assert rules_coincide(config) is alike
    if alike:
        rates = {(run.point.world_size, run.point.lr) for run in expand(config)}
        assert len(rates) == len(config.world_sizes)


@pytest.mark.parametrize("repeats", [1, 2, 4])
def test_runs_that_share_workers_are_neighbours_and_the_sentinel_keeps_its_place(repeats):
    changes = {
        "scaling": "weak",
        "world_sizes": (1, 2, 4),
        "lr_rules": ("none", "linear"),
        "seeds": (0, 1),
        "precision": ("fp32", "bf16"),
        "repeats": repeats,
        "measure": {"sentinel": True},
    }
    runs = grid(**changes, launch={"share_workers": True})
    assert {run.run_id for run in runs} == {run.run_id for run in grid(**changes)}
    neighbours = [[runs[0]]]
    for run in runs[1:]:
        if run.can_share_workers(neighbours[-1][0]):
            neighbours[-1].append(run)
        else:
            neighbours.append([run])
    kinds = {(run.point.world_size, run.point.precision, run.repeat) for run in runs}
    assert len(neighbours) == len(kinds)
    sentinel = runs[0].point
    at = [i for i, group in enumerate(neighbours) if group[0].point == sentinel]
    assert at[0] == 0
    assert at[-1] == len(neighbours) - 1
    assert any(abs(i - (len(neighbours) - 1) / 2) <= 0.5 for i in at[1:-1])
    assert [run.order_index for run in runs] == list(range(len(runs)))


def test_a_further_round_shares_workers_too():
    config = SweepConfig(
        workload="x",
        world_sizes=(1, 2),
        seeds=(0, 1, 2),
        launch={"share_workers": True},
    ).with_defaults(WorkloadDefaults())
    runs = further_round(config, 1, expand(config))
    assert [run.point.world_size for run in runs] in ([1, 1, 1, 2, 2, 2], [2, 2, 2, 1, 1, 1])
