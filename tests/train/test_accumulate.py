"""Micro-batches: the same training as with whole batches, reduced once a step."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from ray_bench.errors import TrainingError
from ray_bench.records import RunData
from ray_bench.train.accumulate import parts_of
from ray_bench.train.group import Group
from ray_bench.train.shares import Share
from ray_bench.workloads.batch import BatchReader
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.train.test_loop import alone, losses, request, train
from tests.train.test_settings import needs_compiler


class Kept(TinyWorkload):
    """Keeps its module, and how many samples every forward pass had."""

    def build(self, context):
        self.module, batches, loss_fn = super().build(context)
        self.seen: Counter[int] = Counter()
        self.module.register_forward_hook(self._note)
        return self.module, batches, loss_fn

    def _note(self, module, inputs, outputs):
        if outputs.requires_grad:
            self.seen[len(outputs)] += 1

    def weights(self) -> list[float]:
        parts = [weight.detach().flatten() for weight in self.module.parameters()]
        return torch.cat(parts).tolist()


def trained(group: Group, **values) -> tuple[RunData, Kept]:
    workload = Kept(values.pop("num_samples", 50))
    run = request(group.world_size, **{"batch_size": 24, "epochs": 3, **values})
    return train(run, workload, group), workload


@pytest.fixture(scope="module")
def whole():
    """One process, whole batches; 24 does not divide 50, so there is a last batch of 2."""
    data, workload = trained(alone())
    return losses(data), workload.weights(), data.run.final_train_accuracy_frac


@pytest.mark.parametrize(
    ("world_size", "values"),
    [
        (1, {"accumulate_steps": 4}),
        (1, {"accumulate_steps": 24}),
        (2, {"accumulate_steps": 3}),
        (2, {"accumulate_steps": 4, "ddp": {"static_graph": False}}),
        (2, {"accumulate_steps": 2, "ddp": {"gradient_as_bucket_view": False}}),
        (2, {"max_local_batch_size": 4}),
        (4, {"accumulate_steps": 3}),
    ],
)
def test_micro_batches_train_what_whole_batches_do(tmp_path, whole, world_size, values):
    def job(group: Group):
        data, workload = trained(group, **values)
        return data, workload.weights()

    found = [job(alone())] if world_size == 1 else run_ranks(job, world_size, tmp_path)
    for data, weights in found:
        assert losses(data) == pytest.approx(whole[0], rel=1e-5)
        assert weights == pytest.approx(whole[1], rel=1e-4, abs=1e-6)
        assert data.run.final_train_accuracy_frac == whole[2]
        assert [epoch.num_samples for epoch in data.epochs] == [50] * 3
        assert [epoch.num_steps for epoch in data.epochs] == [3] * 3
        assert sum(block.num_steps for block in data.blocks if block.rank == 0) == 9


def test_no_more_than_a_micro_batch_is_computed_at_once():
    """In every pass: the noise, the phases, the operations."""
    measure = {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 3, "noise_steps": 3}
    data, workload = trained(alone(), max_local_batch_size=6, num_samples=96, measure=measure)
    assert set(workload.seen) == {6}
    assert data.run.point.num_micro_batches == 4
    plain, _ = trained(alone(), num_samples=96, measure=measure)
    assert data.run.flops_per_sample == pytest.approx(plain.run.flops_per_sample)
    assert data.run.grad_variance_by_step == pytest.approx(
        plain.run.grad_variance_by_step, rel=1e-3
    )


def test_phases_add_up_over_micro_batches_and_gradients_are_reduced_once(tmp_path):
    measure = {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 4, "sync_pairs": 2}

    def job(group: Group) -> RunData:
        return trained(group, accumulate_steps=4, measure=measure)[0]

    data = run_ranks(job, 2, tmp_path)[0]
    per_step = Counter((b.rank, b.step) for b in data.buckets)
    assert set(per_step.values()) == {1}  # one bucket, once
    sent = {b.num_bytes for b in data.buckets}
    assert sent == {data.run.grad_bytes}
    assert {p.step for p in data.phases} == set(range(4))
    backward_s = {(p.rank, p.step): p.duration_s for p in data.phases if p.phase == "backward"}
    ready_s = {(b.rank, b.step): b.ready_s for b in data.buckets}
    assert all(0 < ready_s[key] <= backward_s[key] for key in ready_s)
    assert len(data.sync_pairs) == 2 * 2


class Clipped(Kept):
    """Notes the norm of what every optimizer step is given."""

    def optimizer(self, module, lr):
        optimizer = torch.optim.SGD(module.parameters(), lr=lr)
        self.norms: list[float] = []
        optimizer.register_step_pre_hook(lambda *_: self.norms.append(self._norm()))
        return optimizer

    def _norm(self) -> float:
        gradients = [p.grad.flatten() for p in self.module.parameters()]
        return float(torch.cat(gradients).norm())


@pytest.mark.parametrize("steps", [1, 3])
def test_the_norm_of_the_whole_gradient_is_clipped_after_it_is_reduced(tmp_path, steps):
    def job(group: Group, most: float | None = 0.3) -> list[float]:
        workload = Clipped()
        values = {"batch_size": 24, "epochs": 2, "accumulate_steps": steps}
        data = train(request(group.world_size, clip_grad_norm=most, **values), workload, group)
        assert data.run.point.clip_grad_norm == most
        return workload.norms

    free = job(alone(), None)
    assert max(free) > 0.4
    first, second = run_ranks(job, 2, tmp_path)
    assert first == second == pytest.approx(job(alone()), rel=1e-4)
    assert max(first) == pytest.approx(0.3, rel=1e-4)


def share_of(inputs, num_samples: int = 5) -> Share:
    weight = 1.0 if num_samples else 0.0
    return Share((inputs, torch.arange(5)), num_samples, None, 10, weight, True)


def parts(share: Share, count: int) -> list[Share]:
    return parts_of(share, count, BatchReader())


def test_parts_are_of_about_equal_size_and_weigh_what_they_hold():
    found = parts(share_of({"x": torch.arange(10).view(5, 2), "scale": 2.0}), 2)
    assert [part.num_samples for part in found] == [2, 3]
    assert [part.weight for part in found] == pytest.approx([0.4, 0.6])
    inputs, targets = zip(*(part.batch for part in found), strict=True)
    assert [x["x"][:, 0].tolist() for x in inputs] == [[0, 2], [4, 6, 8]]
    assert [x.tolist() for x in targets] == [[0, 1], [2, 3, 4]]
    assert {x["scale"] for x in inputs} == {2.0}


def test_every_rank_has_the_same_number_of_parts():
    for share in (share_of(torch.arange(5)), share_of(torch.arange(5), num_samples=0)):
        found = parts(share, 7)
        assert len(found) == 7
        assert sum(part.num_samples for part in found) == share.num_samples
        assert sum(part.weight for part in found) == pytest.approx(share.weight)
        assert all(len(part.batch[1]) == 1 for part in found)


def test_lists_of_samples_and_pairs_of_tensors_are_cut_alike():
    names, pair = list("abcde"), (torch.arange(5), torch.ones(5, 3))
    first, _ = parts(share_of((names, pair)), 2)
    assert first.batch[0][0] == ["a", "b"]
    assert [len(x) for x in first.batch[0][1]] == [2, 2]


def test_a_dict_batch_is_cut_and_its_tokens_are_counted():
    mask = torch.tensor([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0]])
    batch = {"input_ids": torch.zeros(4, 3, dtype=torch.long), "attention_mask": mask}
    reader = BatchReader(has_targets=False)
    found = parts_of(Share(batch, 4, 7, 4, 1.0, True), 2, reader)
    assert [(part.num_samples, int(part.num_tokens)) for part in found] == [(2, 4), (2, 3)]


def test_a_count_of_ones_own_weighs_the_parts():
    reader = BatchReader(has_targets=False, num_samples=lambda batch: int(batch["packed"].sum()))
    batch = {"packed": torch.tensor([1, 2, 3, 4])}
    found = parts_of(Share(batch, 10, None, 10, 1.0, True), 2, reader)
    assert [part.num_samples for part in found] == [3, 7]
    assert [part.weight for part in found] == pytest.approx([0.3, 0.7])


def test_a_batch_that_cannot_be_cut_is_told():
    message = r"of 5 samples cannot be cut.*shape \(3, 5\).*accumulate_steps=1"
    with pytest.raises(TrainingError, match=message):
        parts(share_of([torch.ones(3, 5)]), 2)


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("world_size", [1, 2])
def test_compiled_micro_batches_train_the_same(tmp_path, whole, world_size):
    def job(group: Group):
        data, workload = trained(group, accumulate_steps=4, compile="default")
        return data, workload.weights()

    data, weights = run_ranks(job, world_size, tmp_path)[0]
    assert losses(data) == pytest.approx(whole[0], rel=1e-4)
    assert weights == pytest.approx(whole[1], rel=1e-3, abs=1e-5)
    assert data.run.compile_s > 0.1
