"""When a run evaluates, and on how much of the data."""

from __future__ import annotations

import time

import pytest

from ray_bench.config.load import load
from ray_bench.errors import ConfigError
from ray_bench.records import RunData
from ray_bench.train.group import Group
from ray_bench.workloads.base import Evaluation, eval_shard
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.train.test_loop import alone, request, train


def evaluated(data: RunData) -> list[int | None]:
    return [epoch.num_val_samples for epoch in data.epochs]


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ({"epochs": 3}, [50, 50, 50]),
        ({"epochs": 5, "evaluation": {"every": 2}}, [None, 50, None, 50, 50]),
        ({"epochs": 2, "evaluation": {"every": 7}}, [None, 50]),
        ({"epochs": 2, "evaluation": "off"}, [None, None]),
        ({"steps": 7}, [None, None]),
        ({"steps": 7, "evaluation": {"every": 1}}, [50, 50]),
        ({"steps": 7, "evaluation": {"max_samples": 8}}, [8, 8]),
        ({"epochs": 2, "evaluation": {"max_samples": 500}}, [50, 50]),
    ],
)
def test_what_is_evaluated(values, counts):
    data = train(request(**values), TinyWorkload(), alone())
    assert evaluated(data) == counts
    known = counts[-1] is not None
    assert (data.run.final_val_accuracy_frac is not None) is known
    assert (data.run.eval_s is not None) is known
    assert "evaluation_unbounded" not in data.run.flags


def test_a_part_of_the_data_is_the_same_at_every_world_size(tmp_path):
    values = {"epochs": 2, "evaluation": {"max_samples": 7}}
    single = train(request(**values), TinyWorkload(), alone())

    def job(group: Group) -> RunData:
        return train(request(3, **values), TinyWorkload(), group)

    shared = run_ranks(job, 3, tmp_path)[0]
    assert evaluated(shared) == evaluated(single) == [7, 7]
    assert [e.val_loss for e in shared.epochs] == pytest.approx(
        [e.val_loss for e in single.epochs], rel=1e-4
    )


class Ranks:
    """Only what `eval_shard` looks at."""

    def __init__(self, rank: int, world_size: int, max_eval_samples: int | None) -> None:
        self.rank, self.world_size = rank, world_size
        self.max_eval_samples = max_eval_samples


@pytest.mark.parametrize("most", [1, 2, 7, 49, 50, 51, None])
@pytest.mark.parametrize("world_size", [1, 3, 60])
def test_shares_of_a_part_are_disjoint_and_spread_over_the_data(world_size, most):
    shares = [range(50)[eval_shard(50, Ranks(r, world_size, most))] for r in range(world_size)]
    taken = sorted(row for share in shares for row in share)
    step = 1 if most is None else max(1, 50 // most)
    assert taken == list(range(0, step * min(most or 50, 50), step))


class Whole(TinyWorkload):
    def evaluate(self, module, context):
        return Evaluation(num_samples=50, num_correct=None, loss_sum=1.0)


def test_a_workload_that_evaluates_more_than_asked_is_flagged():
    run = train(request(epochs=1, evaluation={"max_samples": 8}), Whole(), alone()).run
    assert "evaluation_unbounded" in run.flags
    assert run.num_val_samples == 50


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["evaluation.max_samples=8", "interleaved=true"], "evaluates nothing"),
        (["evaluation.every=1", "interleaved=true"], "evaluates nothing"),
        (["evaluation.every=0", "evaluation.max_samples=8"], "has no meaning"),
        (["evaluation.max_samples=0"], "greater than or equal to 1, got 0"),
        (["evaluation=on"], "must be a group of keys"),
    ],
)
def test_evaluations_that_cannot_be_are_explained(overrides, message):
    with pytest.raises(ConfigError, match=message):
        load(None, ["workload=cnn-digits", *overrides])


def test_an_evaluation_within_an_epoch_takes_no_time_of_training(tmp_path):
    """50 samples in batches of 12: 25 are passed in step 3 of each epoch, 50 at its end."""

    def job(group):
        values = {"epochs": 2, "evaluation": {"every_samples": 25}}
        return train(request(group.world_size, **values), SlowEvaluation(), group)

    plain = train(request(epochs=2), SlowEvaluation(), alone())
    for data in run_ranks(job, 2, tmp_path):
        found = data.evaluations
        assert [(x.epoch, x.num_samples) for x in found] == [(1, 36), (1, 50), (2, 86), (2, 100)]
        assert [x.evaluation for x in found] == [0, 1, 2, 3]
        assert [epoch.train_loss for epoch in data.epochs] == pytest.approx(
            [epoch.train_loss for epoch in plain.epochs], rel=1e-4
        )
        assert all(x.eval_s >= PAUSE_S for x in found)
        assert data.run.eval_s == pytest.approx(sum(x.eval_s for x in found))
        assert found[-1].with_eval_s - found[-1].train_s >= 4 * PAUSE_S
        in_blocks_s = sum(block.duration_s for block in data.blocks if block.rank == 0)
        assert found[-1].train_s == pytest.approx(in_blocks_s, rel=0.2)
        assert found[-1].val_loss == data.run.final_val_loss
        assert {"clock_mismatch", "clock_backwards"}.isdisjoint(data.run.flags)
        assert sum(block.num_steps for block in data.blocks if block.rank == 0) == 10
    assert [(x.epoch, x.num_samples) for x in plain.evaluations] == [(1, 50), (2, 100)]


#: Far more than a step takes.
PAUSE_S = 0.2


class SlowEvaluation(TinyWorkload):
    def evaluate(self, module, context):
        time.sleep(PAUSE_S)
        return super().evaluate(module, context)
