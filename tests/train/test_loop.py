"""The training of one run: repeatable, exact, the same at every world size."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest
import torch

from ray_bench.config.grid import expand
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import NonFiniteLossError, RankDisagreementError, TrainingError
from ray_bench.measure.clock import SystemClock
from ray_bench.measure.environment import usable_cores
from ray_bench.records import PHASES, RunData
from ray_bench.train.group import Group
from ray_bench.train.requests import RunRequest
from ray_bench.train.run import train_rank
from tests.fakes import TinyWorkload
from tests.ranks import RankError, run_ranks
from tests.requests import run_request


def request(world_size: int = 1, **values) -> RunRequest:
    config = SweepConfig.model_validate(
        {
            "workload": "tests.fakes:TinyWorkload",
            "world_sizes": [world_size],
            "measure": {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 0, "sync_pairs": 0},
            **values,
        }
    ).with_defaults(TinyWorkload.defaults)
    planned = expand(config)[-1]
    return run_request(config, planned)


def train(run: RunRequest, workload: object, group: Group) -> RunData:
    return train_rank(run, workload, group, SystemClock(group.device))


def alone() -> Group:
    return Group(rank=0, world_size=1, local_rank=0, device=torch.device("cpu"))


def losses(data: RunData) -> list[float]:
    return [epoch.train_loss for epoch in data.epochs]


def test_the_same_seed_gives_the_same_losses_twice():
    first = train(request(epochs=3), TinyWorkload(), alone())
    second = train(request(epochs=3), TinyWorkload(), alone())
    assert losses(first) == losses(second)
    assert first.run.final_val_accuracy_frac == second.run.final_val_accuracy_frac


def test_another_seed_gives_other_losses():
    first = train(request(epochs=1), TinyWorkload(), alone())
    second = train(request(epochs=1, seeds=[1]), TinyWorkload(), alone())
    assert losses(first) != losses(second)


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("num_samples", [50, 49, 37])
def test_strong_scaling_trains_the_same_model_at_every_world_size(
    tmp_path, world_size, num_samples
):
    """Ragged last batches (12 does not divide them; 37 leaves one sample, so empty shares)."""
    workload = TinyWorkload(num_samples=num_samples)
    single = train(request(epochs=3), workload, alone())

    def job(group: Group) -> RunData:
        return train(request(world_size, epochs=3), workload, group)

    for data in run_ranks(job, world_size, tmp_path):
        assert losses(data) == pytest.approx(losses(single), rel=1e-4)
        assert data.run.final_val_accuracy_frac == single.run.final_val_accuracy_frac
        assert [epoch.num_samples for epoch in data.epochs] == [num_samples] * 3
        assert data.run.num_val_samples == num_samples


def test_weak_scaling_grows_the_global_batch_and_the_rate(tmp_path):
    def job(group: Group) -> RunData:
        run = request(2, scaling="weak", lr_rules=["linear"], epochs=4)
        return train(run, TinyWorkload(num_samples=240), group)

    data = run_ranks(job, 2, tmp_path)[0]
    assert (data.run.point.global_batch_size, data.run.point.local_batch_size) == (24, 12)
    assert data.epochs[-1].lr == pytest.approx(0.2)
    assert data.epochs[0].num_steps == 10


def test_evaluation_over_ranks_counts_every_sample_once(tmp_path):
    """51 samples over 2 ranks: a padded evaluation would count 52."""
    workload = TinyWorkload(num_samples=51)
    single = train(request(epochs=2), workload, alone())
    shared = run_ranks(lambda group: train(request(2, epochs=2), workload, group), 2, tmp_path)[0]
    assert shared.run.num_val_samples == 51
    assert shared.run.final_val_accuracy_frac == single.run.final_val_accuracy_frac
    correct = shared.run.final_val_accuracy_frac * 51
    assert correct == pytest.approx(round(correct), abs=1e-9)


def test_steps_cut_the_last_epoch_and_are_flagged():
    data = train(request(steps=7), TinyWorkload(), alone())  # 5 steps an epoch
    assert [epoch.num_steps for epoch in data.epochs] == [5, 2]
    assert data.run.num_epochs == pytest.approx(1.4)
    assert "steps_cut" in data.run.flags


@pytest.mark.parametrize(("batch_size", "is_flagged"), [(50, False), (51, True)])
def test_a_batch_that_the_data_cannot_fill_is_flagged(batch_size, is_flagged):
    data = train(request(batch_size=batch_size, epochs=2), TinyWorkload(), alone())
    assert [epoch.num_samples for epoch in data.epochs] == [50, 50]
    assert ("batch_exceeds_data" in data.run.flags) is is_flagged


def test_phases_add_up_to_the_step_and_show_the_all_reduce(tmp_path):
    def job(group: Group) -> RunData:
        run = request(2, epochs=1, measure={"warmup_s": 0, "warmup_steps": 0, "phase_steps": 5})
        return train(run, TinyWorkload(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    assert {phase.rank for phase in data.phases} == {0, 1}
    assert {phase.step for phase in data.phases} == set(range(5))
    assert {phase.phase for phase in data.phases} == set(PHASES)
    waiting_s: Counter[tuple[int, int]] = Counter()
    for phase in data.phases:
        if phase.phase in ("skew_wait", "exposed_comm"):
            waiting_s[phase.rank, phase.step] += phase.duration_s
    assert len(waiting_s) == 2 * 5
    assert min(waiting_s.values()) > 0


def test_phases_without_ddp_have_no_communication():
    run = request(epochs=1, measure={"warmup_s": 0, "warmup_steps": 0, "phase_steps": 4})
    data = train(run, TinyWorkload(), alone())
    exposed = [phase.duration_s for phase in data.phases if phase.phase == "exposed_comm"]
    backward = [phase.duration_s for phase in data.phases if phase.phase == "backward"]
    assert exposed == [0.0] * 4
    assert min(backward) > 0


class NanWorkload(TinyWorkload):
    def build(self, context):
        module, batches, loss_fn = super().build(context)
        return module, batches, lambda outputs, targets: loss_fn(outputs, targets) * float("nan")


def test_a_loss_that_turns_nan_is_an_error_with_a_remedy():
    with pytest.raises(NonFiniteLossError, match=r"became nan in epoch 1.*lower `lr`"):
        train(request(), NanWorkload(), alone())


class UnequalWorkload(TinyWorkload):
    def build(self, context):
        module, batches, loss_fn = super().build(context)
        return module, list(batches)[: 3 + context.rank], loss_fn


def test_ranks_that_disagree_on_steps_are_told_before_they_hang(tmp_path):
    def job(group: Group) -> RunData:
        return train(request(2), UnequalWorkload(), group)

    with pytest.raises(RankError, match=r"RankDisagreementError: The ranks have \[3, 4\] steps"):
        run_ranks(job, 2, tmp_path)
    assert issubclass(RankDisagreementError, TrainingError)


class NoBatches(TinyWorkload):
    def build(self, context):
        module, _, loss_fn = super().build(context)
        return module, [], loss_fn


def test_a_workload_without_data_is_told():
    with pytest.raises(TrainingError, match="nothing to train on"):
        train(request(), NoBatches(), alone())


class Regression:
    """A user's own workload with a plain list of batches and no evaluation."""

    def build(self, context):
        batches = [(torch.randn(4, 3), torch.randn(4, 1)) for _ in range(6)]
        return torch.nn.Linear(3, 1), batches, torch.nn.functional.mse_loss


def test_a_workload_without_evaluation_or_classes_has_no_accuracy():
    data = train(request(epochs=2), Regression(), alone())
    run = data.run
    assert run.final_train_loss is not None
    unknown = (run.final_train_accuracy_frac, run.final_val_accuracy_frac, run.eval_s)
    assert unknown == (None, None, None)


class Broken(TinyWorkload):
    """Goes wrong in one way: `break_it` gets what `build` returns and returns something else."""

    def __init__(self, break_it) -> None:
        super().__init__()
        self.break_it = break_it

    def build(self, context):
        return self.break_it(*super().build(context))


class Short:
    """Promises more batches than it yields."""

    def __init__(self, batches) -> None:
        self.batches = list(batches)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches[:2])


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda module, *_: (module,), "must return .module, .*got 1 values"),
        (lambda *_: None, "must return .module, .*got None"),
        (lambda _, batches, loss: (None, batches, loss), r"torch\.nn\.Module, got None"),
        (lambda module, batches, _: (module, batches, 3), "loss_fn.*got int"),
        (
            lambda module, batches, loss: (module, iter(batches), loss),
            "have no length.*set `steps`",
        ),
        (lambda module, _, loss: (module, [4], loss), r"cannot be counted, got int.*num_samples"),
        (
            lambda module, _, loss: (module, [(1, 2, 3)], loss),
            r"be counted, got tuple.*num_samples",
        ),
        (
            lambda module, _, loss: (module, [(torch.zeros(4, 8),)], loss),
            "have 1 item and no targets",
        ),
        (
            lambda module, _, loss: (module, [(torch.zeros(4, 8),) * 3], loss),
            r"forward\(input.*cannot be called with .* 2 items \(Tensor, Tensor\)",
        ),
        (
            lambda module, batches, loss: (module, Short(batches), loss),
            r"ended after 2 of \d+ steps in epoch 1",
        ),
        (
            lambda module, batches, _: (module, batches, lambda outputs, targets: outputs),
            r"tensor of one number.*got a tensor of shape \(12, 10\)",
        ),
        (
            lambda module, batches, _: (module, batches, lambda outputs, targets: 0.5),
            "tensor of one number.*got float",
        ),
    ],
)
def test_a_workload_that_builds_something_else_is_told_what(break_it, message):
    with pytest.raises(TrainingError, match=message):
        train(request(), Broken(break_it), alone())


class WrongEvaluation(TinyWorkload):
    def evaluate(self, module, context):
        return 0.5


def test_an_evaluation_of_another_type_is_told():
    data = train(request(), WrongEvaluation(), alone())
    assert "evaluation_failed" in data.run.flags
    failure = data.failures[0]
    assert failure.error_type == "TrainingError"
    assert "must return an Evaluation, got float" in failure.error_message


def test_fewer_steps_than_warm_up_are_kept_and_flagged():
    run = request(steps=4, measure={"warmup_steps": 11, "phase_steps": 2})
    data = train(run, TinyWorkload(), alone())
    assert "warmup_included" in data.run.flags
    assert [block.num_steps for block in data.blocks] == [1] * 4
    assert data.run.throughput_samples_per_s > 0
    assert {phase.step for phase in data.phases} == {0, 1}


def test_a_rank_without_data_is_named(tmp_path):
    """One sample for two ranks: the second never has any."""

    def job(group: Group) -> RunData:
        return train(request(2), TinyWorkload(num_samples=1), group)

    with pytest.raises(RankError, match=r"TrainingError: Rank 1 has no sample in the first batch"):
        run_ranks(job, 2, tmp_path)


class OneRankEmpty(TinyWorkload):
    def build(self, context):
        module, batches, loss_fn = super().build(context)
        return module, list(batches) if context.rank == 0 else [], loss_fn


def test_a_rank_with_an_empty_list_is_told_before_the_others_hang(tmp_path):
    def job(group: Group) -> RunData:
        return train(request(2), OneRankEmpty(), group)

    with pytest.raises(RankError, match=r"RankDisagreementError: The ranks have \[5, 0\] steps"):
        run_ranks(job, 2, tmp_path)


class OwnSizes(TinyWorkload):
    """Lists that end with another number of samples on each rank."""

    def build(self, context):
        module, _, loss_fn = super().build(context)
        sizes = [4, 4, 4 - context.rank]
        batches = [(torch.randn(n, 8), torch.zeros(n, dtype=torch.int64)) for n in sizes]
        return module, batches, loss_fn


def test_ranks_whose_own_batches_differ_make_the_same_steps_in_every_pass(tmp_path):
    def job(group: Group) -> RunData:
        measure = {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 7, "sync_pairs": 3}
        return train(request(2, measure=measure), OwnSizes(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    assert {(phase.rank, phase.step) for phase in data.phases} == {
        (rank, step) for rank in range(2) for step in range(7)
    }


class SteppingClock:
    """A clock that is set back by ten seconds at one of its readings, and stays behind."""

    def __init__(self, reading: int) -> None:
        self.readings_left = reading

    def now_ns(self) -> int:
        self.readings_left -= 1
        return time.perf_counter_ns() - (10**10 if self.readings_left < 0 else 0)

    def synchronize(self) -> None:
        """There is no device."""


@pytest.mark.parametrize("reading", [2, 6, 10, 12, 18, 30, 42])  # none is between two timed parts
def test_a_clock_that_steps_backwards_is_flagged_and_nothing_is_lost(reading):
    run = request(epochs=2, measure={"warmup_steps": 3, "warmup_s": 0, "phase_steps": 2})
    data = train_rank(run, TinyWorkload(), alone(), SteppingClock(reading))
    assert "clock_backwards" in data.run.flags
    assert data.run.status == "ok"
    assert sum(block.num_steps for block in data.blocks) == data.run.num_steps == 10
    assert len(data.epochs) == 2
    assert {phase.step for phase in data.phases} == {0, 1}


@pytest.mark.parametrize("nodes", [("n1", "n1"), ("n1", "n2"), (None, None)])
def test_nodes_are_stored_by_rank_and_cores_are_counted_on_each(tmp_path, monkeypatch, nodes):
    """Both hosts have one name here, as cloned machines have."""
    monkeypatch.setenv("OMP_NUM_THREADS", str(usable_cores()))

    def job(group: Group) -> RunData:
        node = nodes[group.rank]
        placed = replace(group, node_id=node, node_address=node and f"10.0.0.{node[1]}")
        return train(request(2, epochs=1), TinyWorkload(), placed)

    data, _ = run_ranks(job, 2, tmp_path)
    known = nodes if None not in nodes else None
    assert data.run.rank_node_ids == known
    assert data.run.rank_addresses == (known and tuple(f"10.0.0.{node[1]}" for node in known))
    assert data.environment.num_nodes == len(set(nodes))
    assert ("oversubscribed" in data.run.flags) is (len(set(nodes)) == 1)
