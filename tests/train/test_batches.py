"""Batches as people have them, trained and counted."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ray_bench.config.grid import expand
from ray_bench.errors import TrainingError
from ray_bench.measure.clock import SystemClock
from ray_bench.train.group import Group
from ray_bench.train.ladder import train_ladder
from ray_bench.train.shares import Share
from ray_bench.train.step import Stepper
from ray_bench.workloads.epochs import epoch_owners, shuffles
from tests.ranks import RankError, run_ranks
from tests.requests import ladder_request
from tests.train import people
from tests.train.test_loop import alone, request, train

SHORT = {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 2, "sync_pairs": 1, "noise_steps": 3}


def short(world_size=1, **values):
    values = {"batch_size": 8, "epochs": 2, "measure": SHORT, **values}
    return request(world_size, **values)


def total_tokens():
    return sum(int(people.Rows()[i]["attention_mask"].sum()) for i in range(64))


@pytest.mark.parametrize(
    "loss",
    [(), (None,), (lambda outputs: outputs["loss"],), (lambda outputs, _: outputs["loss"],)],
    ids=["nothing", "None", "one argument", "two arguments"],
)
def test_dict_batches_train_and_their_tokens_are_counted(loss):
    data = train(short(), people.Dicts(*loss), alone())
    assert [epoch.num_samples for epoch in data.epochs] == [64, 64]
    assert [epoch.num_tokens for epoch in data.epochs] == [total_tokens()] * 2
    blocks = [block for block in data.blocks if not block.is_warmup]
    seconds = sum(block.duration_s for block in blocks)
    tokens = sum(block.num_tokens for block in blocks)
    assert data.run.throughput_tokens_per_s == pytest.approx(tokens / seconds)
    assert data.run.flops_per_sample > 0
    assert "same_order" not in data.run.flags


def test_two_ranks_count_the_tokens_of_both(tmp_path):
    def job(group: Group):
        return train(short(2), people.Dicts(), group)

    for data in run_ranks(job, 2, tmp_path):
        assert data.epochs[0].num_tokens == total_tokens()
        assert {phase.rank for phase in data.phases} == {0, 1}


def test_several_inputs_are_positional_arguments():
    data = train(short(batch_size=6), people.Several(), alone())
    assert data.epochs[0].num_samples == 24
    assert data.run.final_train_accuracy_frac is not None


def test_a_token_budget_is_counted_as_it_comes_and_not_as_it_was_asked_for(tmp_path):
    def job(group: Group):
        return train(short(2, batch_size=32), people.Tokens(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    run = data.run
    counts = [512 // n for n in (8, 16, 32, 64, 128)]
    assert run.least_local_samples in counts
    assert run.most_local_samples in counts
    assert run.least_local_samples < run.most_local_samples
    blocks = [block for block in data.blocks if not block.is_warmup]
    steps = sum(block.num_steps for block in blocks)
    assert run.mean_local_samples == sum(block.num_samples for block in blocks) / steps
    assert run.has_own_batches
    assert run.flops_per_sample is None  # that of one batch is not that of another
    assert run.samples_per_step == 2 * run.mean_local_samples
    assert run.throughput_samples_per_s * run.step_time_s == pytest.approx(run.samples_per_step)
    assert [epoch.num_tokens for epoch in data.epochs] == [2 * 12 * 512] * 2


class TokensOnADevice(people.Tokens):
    """A count that is a tensor, as that of a mask on a GPU: it is read at the end of a block."""

    def num_tokens(self, batch):
        return torch.tensor(super().num_tokens(batch))


def test_tokens_that_are_tensors_become_numbers():
    data = train(short(batch_size=32), TokensOnADevice(), alone())
    assert [epoch.num_tokens for epoch in data.epochs] == [12 * 512] * 2
    assert {type(block.num_tokens) for block in data.blocks} == {int}
    assert sum(block.num_tokens for block in data.blocks) == 2 * 12 * 512


def test_batches_of_the_size_that_was_asked_for_are_not_the_workloads_own():
    data = train(short(batch_size=12), people.Aux(), alone())
    assert not data.run.has_own_batches
    assert data.run.samples_per_step == 12
    assert data.run.throughput_tokens_per_s is None
    assert "batch_differs" not in data.run.flags


def test_batches_that_ignore_the_batch_size_are_flagged():
    data = train(short(batch_size=12), people.Several(), alone())
    assert (data.run.least_local_samples, data.run.most_local_samples) == (6, 6)
    assert "batch_differs" in data.run.flags


def test_without_a_length_steps_say_where_the_end_is():
    with pytest.raises(TrainingError, match=r"have no length.*set `steps`, or give .* `__len__`"):
        train(short(), people.NoLength(), alone())
    with pytest.raises(TrainingError, match=r"no length, so `optimizer.warmup_epochs` says noth"):
        train(
            short(epochs=None, steps=9, optimizer={"warmup_epochs": 1}), people.NoLength(), alone()
        )


def test_without_a_length_the_data_begin_again_until_the_steps_are_done(tmp_path):
    def job(group: Group):
        return train(short(2, epochs=None, steps=23, batch_size=16), people.NoLength(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    assert [(epoch.num_steps, epoch.num_samples) for epoch in data.epochs] == [(23, 23 * 16)]
    assert (data.run.num_epochs, data.run.num_train_samples) == (None, None)
    assert "steps_cut" not in data.run.flags


def test_a_ladder_needs_no_length():
    ladder = {"rounds": 2, "turn_s": 0.01}
    config = short(epochs=1, interleaved=True, repeats=2, ladder=ladder).config
    turns = expand(config)
    delivered = []
    asked = ladder_request(config, turns)
    clock = SystemClock(torch.device("cpu"))
    train_ladder(asked, people.NoLength, alone(), clock, delivered.append)
    seen = [data.run for runs in delivered for data in runs]
    assert len(seen) == 2
    assert all(run.throughput_samples_per_s > 0 for run in seen)
    assert {run.num_epochs for run in seen} == {None}


def test_compiled_calls_refuse_batches_that_differ():
    stepper = Stepper(
        module=torch.nn.Linear(8, 10),
        loss_fn=torch.nn.functional.cross_entropy,
        optimizer=None,
        precision="fp32",
        device=torch.device("cpu"),
        compile="default",
        whole_batch=4,
    )
    batch = (torch.zeros(3, 8), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(TrainingError, match=r"needs batches of one size, and one has 3 .* earlier"):
        stepper.forward_backward(Share(batch, 3, None, 3, 1.0, True))
    stepper.forward_backward(Share(batch, 3, None, 3, 1.0, False))  # the last of an epoch


class OnceOnly(people.NoLength):
    def build(self, context):
        module, batches, loss_fn = super().build(context)
        return module, iter(list(batches)), loss_fn


def test_an_iterator_that_is_used_up_is_told():
    with pytest.raises(TrainingError, match=r"yielded nothing in epoch .*iterable anew"):
        train(short(epochs=None, steps=23), OnceOnly(), alone())


@pytest.mark.parametrize("wrap", [lambda x: x, people.Prefetched, lambda x: people.Prefetched([x])])
def test_a_nested_sampler_gets_its_epoch(wrap):
    context = SimpleNamespace(world_size=1, rank=0, local_batch_size=8)
    _, batches = people.InABatchSampler(wrap).build(context)
    (owner,) = epoch_owners(batches)
    assert isinstance(owner, torch.utils.data.DistributedSampler)
    assert shuffles(batches)


@pytest.mark.parametrize(
    ("wrap", "is_flagged"), [(lambda x: x, False), (people.Prefetched, False), (people.Deaf, True)]
)
def test_epochs_in_one_order_are_flagged_where_a_sampler_is_there_to_shuffle(wrap, is_flagged):
    data = train(short(), people.InABatchSampler(wrap), alone())
    assert ("same_order" in data.run.flags) is is_flagged


class Unshuffled(people.Dicts):
    def build(self, context):
        data = people.Rows()
        sampler = torch.utils.data.DistributedSampler(
            data, context.world_size, context.rank, shuffle=False
        )
        return people.ReturnsLoss(), torch.utils.data.DataLoader(data, 8, sampler=sampler)


class AllAlike(people.Dicts):
    """Made-up data of which every sample is the same: no order can be seen."""

    def build(self, context):
        row = people.Rows()[0]
        data = [row] * 64
        return people.ReturnsLoss(), people.Deaf(torch.utils.data.DataLoader(data, 8, shuffle=True))


@pytest.mark.parametrize("workload", [Unshuffled, AllAlike, people.Aux])
def test_an_order_that_is_meant_or_cannot_be_seen_is_not_flagged(workload):
    assert "same_order" not in train(short(), workload(), alone()).run.flags


@pytest.mark.parametrize("at_world_size", [1, 2])
def test_shared_batch_norm_on_cpus_is_refused_before_anything_is_trained(tmp_path, at_world_size):
    def job(group: Group):
        run = short(at_world_size, ddp={"at_world_size_one": True})
        return train(run, people.SharedNorm(), group)

    with pytest.raises(RankError, match=r"SyncBatchNorm \(0\), which works on GPUs alone.*use_gpu"):
        run_ranks(job, at_world_size, tmp_path)


def test_shared_batch_norm_is_plain_where_no_other_rank_is_asked_for():
    assert train(short(), people.SharedNorm(), alone()).run.final_train_loss > 0


def test_sparse_gradients_are_reduced_and_their_noise_is_measured(tmp_path):
    def job(group: Group):
        return train(short(2), people.Dicts(sparse=True), group)

    sparse = run_ranks(job, 2, tmp_path)[0]
    assert sparse.run.grad_bytes is None
    assert "sparse_gradients" in sparse.run.flags
    assert len(sparse.run.grad_variance_by_step) == 3
    assert {bucket.rank for bucket in sparse.buckets} == {0, 1}

    def dense(group: Group):
        return train(short(2), people.Dicts(), group)

    other = run_ranks(dense, 2, tmp_path)[0]
    assert sparse.run.final_train_loss == pytest.approx(other.run.final_train_loss, rel=1e-5)
    assert sparse.run.grad_variance_by_step == pytest.approx(
        other.run.grad_variance_by_step, rel=1e-3
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": {"weight_decay": 0.1}}, "set optimizer.weight_decay=0, or leave out sparse"),
        ({"ddp": {"compression": "bf16"}, "world_sizes": [1, 2]}, "set ddp.compression=none, or"),
    ],
)
def test_what_sparse_gradients_cannot_do_is_refused_with_a_way_out(values, message):
    with pytest.raises(TrainingError, match=message):
        train(short(**values), people.Dicts(sparse=True), alone())
