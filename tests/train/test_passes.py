"""The passes after training, on real ranks: each finds what is there, and disturbs nothing."""

from __future__ import annotations

import gc
import gzip
import json
import statistics
import time
import weakref
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist

from ray_bench.measure.clock import SystemClock
from ray_bench.measure.phases import PhaseProbe
from ray_bench.records import RunData
from ray_bench.train import checkpoint, flops, phase_pass
from ray_bench.train.group import Group
from ray_bench.train.model import ddp_arguments, mean_hook, unwrap, wrap
from ray_bench.train.run import train_rank
from ray_bench.workloads.wire import VirtualWire
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.train.test_loop import alone, request, train

#: Far above what a busy machine adds to the median of some steps.
SLEEP_S = 0.06
CLOSE_S = SLEEP_S / 2


def measured(**values):
    """A request whose passes are all off but those that are named."""
    off = {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 0, "sync_pairs": 0, "checkpoint": False}
    world_size = values.pop("world_size", 2)
    ddp = values.pop("ddp", {})
    return request(world_size, steps=2, measure={**off, **values}, ddp=ddp)


class Wide(TinyWorkload):
    """Four layers of 256 kB; with `bucket_cap_mb=0.25` each has a bucket of its own."""

    def build(self, context):
        _, batches, loss_fn = super().build(context)
        layers = [torch.nn.Linear(8, 256), *(torch.nn.Linear(256, 256) for _ in range(4))]
        module = torch.nn.Sequential(*layers, torch.nn.Linear(256, 10))
        return module, batches, loss_fn


class Straggler(TinyWorkload):
    """The second rank's forward pass takes 60 ms longer."""

    def build(self, context):
        module, batches, loss_fn = super().build(context)
        if context.rank == 1:
            module.register_forward_hook(lambda *_: time.sleep(SLEEP_S))
        return module, batches, loss_fn


class ShiftedClock:
    """The system's clock, so many seconds ahead."""

    def __init__(self, shift_s: float) -> None:
        self._clock = SystemClock(torch.device("cpu"))
        self._shift_ns = round(shift_s * 1e9)

    def now_ns(self) -> int:
        return self._clock.now_ns() + self._shift_ns

    def synchronize(self) -> None:
        self._clock.synchronize()


def median_s(data: RunData, phase: str, rank: int) -> float:
    found = [p.duration_s for p in data.phases if (p.phase, p.rank) == (phase, rank)]
    return statistics.median(found)


def straggling(group: Group, shift_s: float) -> RunData:
    clock = ShiftedClock(shift_s if group.rank == 1 else 0.0)
    return train_rank(measured(phase_steps=8), Straggler(), group, clock)


@pytest.mark.parametrize("shift_s", [0.0, -0.1, 0.1, 1e6])
def test_the_wait_for_a_straggler_is_found_whatever_its_clock_shows(tmp_path, shift_s):
    data = run_ranks(lambda group: straggling(group, shift_s), 2, tmp_path)[0]
    assert median_s(data, "skew_wait", 0) == pytest.approx(SLEEP_S, abs=CLOSE_S)
    assert median_s(data, "skew_wait", 1) < CLOSE_S
    assert median_s(data, "exposed_comm", 0) < CLOSE_S
    starts = {bucket.rank: bucket.start_s for bucket in data.buckets if bucket.step == 0}
    assert starts[1] - starts[0] == pytest.approx(SLEEP_S, abs=CLOSE_S)


def test_without_the_correction_a_shifted_clock_hides_the_straggler(tmp_path):
    """What makes the test above right is the offset, and nothing else."""

    def job(group: Group) -> RunData:
        phase_pass.clock_offset_ns = lambda *_, **__: 0  # in this forked rank alone
        return straggling(group, -0.1)

    data = run_ranks(job, 2, tmp_path)[0]
    assert median_s(data, "skew_wait", 0) < CLOSE_S
    assert median_s(data, "exposed_comm", 0) > CLOSE_S


def test_every_bucket_of_every_step_is_recorded(tmp_path):
    def job(group: Group) -> RunData:
        return train(measured(phase_steps=5, ddp={"bucket_cap_mb": 0.25}), Wide(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    by_step = {
        (rank, step): [b for b in data.buckets if (b.rank, b.step) == (rank, step)]
        for rank in range(2)
        for step in range(5)
    }
    for buckets in by_step.values():
        assert [b.bucket for b in buckets] == list(range(len(buckets)))
        assert len(buckets) >= 4
        assert sum(b.num_bytes for b in buckets) == data.run.grad_bytes
        assert [b.ready_s for b in buckets] == sorted(b.ready_s for b in buckets)
        assert all(0 < b.ready_s < b.start_s < b.end_s for b in buckets)


def test_the_probe_agrees_with_the_logger_of_ddp(tmp_path):
    """On the same steps, at sample rate 1 of the logger (reducer.cpp, times in ns)."""

    def job(group: Group) -> list[tuple[float, float, float, float]]:
        clock = SystemClock(group.device)
        probe = PhaseProbe(clock, group.device)
        module = torch.nn.Sequential(*(torch.nn.Linear(512, 512) for _ in range(6)))
        arguments = ddp_arguments(measured().config.ddp, 1.0)
        wrapped = wrap(module, arguments, group, probe.hook(mean_hook(group)))
        wrapped._set_ddp_runtime_logging_sample_rate(1)
        found, ours = [], []
        for step in range(24):
            probe.start()
            outputs = wrapped(torch.randn(64, 512))
            probe.mark("forward")  # the logger's backward begins here, before the loss
            outputs.square().mean().backward()
            probe.after_backward()
            module.zero_grad(set_to_none=True)
            stamps = probe.finish(step)
            if step > 4:  # the logger shows a step when the next one has begun
                log = wrapped._get_ddp_logging_data()
                exposed_ns = log["backward_comm_time"] - log["backward_compute_comm_overlap_time"]
                found.append((*ours, exposed_ns * 1e-9, log["backward_compute_time"] * 1e-9))
            windows = map(stamps.window_ns, ("exposed_comm", "backward"))
            ours = [(end - begin) * 1e-9 for begin, end in windows]
        return found

    for found in run_ranks(job, 2, tmp_path):
        # Medians: between their stamp and ours a step may lose its core to something else.
        for ours, theirs in ((0, 2), (1, 3)):
            difference_s = statistics.median(abs(step[ours] - step[theirs]) for step in found)
            assert difference_s < 0.02 * statistics.median(step[theirs] for step in found) + 1e-4


class SlowLink(TinyWorkload):
    """Every bucket takes 20 ms longer, by a communication hook of the workload's own."""

    def comm_hook(self, context):
        wire = VirtualWire(None, world_size=context.world_size, latency_s=0.01, gbit_per_s=None)

        def hook(state, bucket):
            assert state is None
            now_s = time.perf_counter()
            return wire.carry(bucket.buffer(), ready_at_s=now_s, arrived=lambda at_s: None)

        return hook


def test_a_hook_of_the_workload_is_in_every_pass(tmp_path):
    def job(group: Group) -> RunData:
        return train(measured(phase_steps=5, sync_pairs=4), SlowLink(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    assert data.run.step_time_s > 0.02
    assert median_s(data, "exposed_comm", 0) > 0.018
    assert len(data.sync_pairs) == 2 * 4
    for pair in data.sync_pairs:
        assert pair.sync_s - pair.no_sync_s > 0.015


def test_pairs_of_steps_show_what_synchronisation_costs_and_begin_together(tmp_path):
    """The straggler of a step without synchronisation does not show in the step after it."""

    def job(group: Group) -> RunData:
        return train(measured(sync_pairs=6), Straggler(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    assert [(p.rank, p.pair) for p in data.sync_pairs] == [(r, p) for r in (0, 1) for p in range(6)]
    for rank, longer_s in ((0, SLEEP_S), (1, 0.0)):
        pairs = [p for p in data.sync_pairs if p.rank == rank]
        difference_s = statistics.median(p.sync_s - p.no_sync_s for p in pairs)
        assert difference_s == pytest.approx(longer_s, abs=CLOSE_S)


def test_one_rank_has_no_pairs_and_the_whole_of_the_rest():
    data = train(measured(world_size=1, sync_pairs=4, checkpoint=True), TinyWorkload(), alone())
    assert data.sync_pairs == ()
    assert data.buckets == ()
    assert data.run.checkpoint_s > 0
    assert data.traces == {}


def test_a_sub_group_is_measured_like_any_other(tmp_path):
    """Ranks 1 and 2 of 3, as in a ladder; the other rank takes no part."""

    def job(group: Group) -> RunData | None:
        members = dist.new_group([1, 2])
        if group.rank == 0:
            return None
        mine = replace(group, rank=group.rank - 1, world_size=2, process_group=members)
        run = measured(phase_steps=4, sync_pairs=4, checkpoint=True, trace_steps=1)
        return train_rank(run, Straggler(), mine, ShiftedClock(0.1 * mine.rank))

    data = run_ranks(job, 3, tmp_path)[1]
    assert {phase.rank for phase in data.phases} == {0, 1}
    assert len(data.sync_pairs) == 8
    assert median_s(data, "skew_wait", 0) == pytest.approx(SLEEP_S, abs=CLOSE_S)
    assert sorted(data.traces) == [0, 1]


def test_an_ended_ddp_reduces_nothing_more(tmp_path):
    def job(group: Group) -> bool:
        torch.manual_seed(group.rank)
        module = torch.nn.Linear(4, 1)
        wrapped = wrap(module, ddp_arguments(measured().config.ddp, 25.0), group)
        unwrap(wrapped)
        module(torch.full((1, 4), float(group.rank))).sum().backward()
        return module.weight.grad.tolist() == [[group.rank] * 4]

    assert run_ranks(job, 2, tmp_path) == [True, True]


def test_an_ended_ddp_is_freed_without_looking_for_cycles(tmp_path):
    """Looking takes 0.3 s of CPU and more on every rank, for all that torch has imported."""

    def job(group: Group) -> bool:
        module = torch.nn.Linear(4, 1)
        wrapped = wrap(module, ddp_arguments(measured().config.ddp, 25.0), group, mean_hook(group))
        wrapped(torch.ones(1, 4)).sum().backward()
        gc.disable()
        ended = weakref.ref(wrapped)
        unwrap(wrapped)
        del wrapped
        return ended() is None

    assert run_ranks(job, 2, tmp_path) == [True, True]


def test_a_checkpoint_that_does_not_fit_is_unknown_and_loses_nothing(monkeypatch):
    full = lambda: open("/dev/full", "wb", buffering=0)  # noqa: E731, SIM115
    monkeypatch.setattr(checkpoint.tempfile, "TemporaryFile", full)
    data = train(measured(world_size=1, checkpoint=True), TinyWorkload(), alone())
    assert data.run.checkpoint_s is None
    assert data.run.status == "ok"


def test_flops_are_those_of_the_matrix_products():
    """Forward, gradient of the weights, and of the inputs where they need one: 2 m n k each."""
    data = train(measured(world_size=1), TinyWorkload(), alone())
    assert data.run.flops_per_sample == 2 * (2 * 8 * 16 + 3 * 16 * 10)


class WithBatchNorm(TinyWorkload):
    def build(self, context):
        module, batches, loss_fn = super().build(context)
        return torch.nn.Sequential(torch.nn.BatchNorm1d(8), *module), batches, loss_fn


def test_counting_leaves_weights_gradients_and_buffers_alone(monkeypatch):
    def counted(loop):
        before = {name: value.clone() for name, value in loop.module.state_dict().items()}
        count = flops.flops_per_sample(loop)
        for name, value in loop.module.state_dict().items():
            assert torch.equal(value, before[name]), name
        assert all(weight.grad is None for weight in loop.module.parameters())
        return count

    monkeypatch.setattr("ray_bench.train.passes.flops_per_sample", counted)
    data = train(measured(world_size=1), WithBatchNorm(), alone())
    assert data.run.flops_per_sample > 0


class Uncountable:
    """Without a matrix product."""

    def build(self, context):
        batches = [(torch.randn(4, 3), torch.randn(4, 3)) for _ in range(3)]
        return torch.nn.BatchNorm1d(3), batches, torch.nn.functional.mse_loss


def test_no_product_no_count():
    data = train(measured(world_size=1), Uncountable(), alone())
    assert data.run.flops_per_sample is None


def test_a_trace_is_of_so_many_steps_and_opens(tmp_path):
    def job(group: Group) -> RunData:
        return train(measured(trace_steps=3), TinyWorkload(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    assert sorted(data.traces) == [0, 1]
    for trace in data.traces.values():
        events = json.loads(gzip.decompress(trace))["traceEvents"]
        names = [event.get("name", "") for event in events]
        assert {f"step {step}" for step in range(3)} <= set(names)
        assert "step 3" not in names
        assert any("all_reduce" in name or "allreduce" in name for name in names)
