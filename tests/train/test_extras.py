"""Whatever breaks beside the timed training, on all ranks or on one alone, the run stays."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace
from typing import get_args

import pytest
import torch
import torch.utils.flop_counter  # it imports triton: once here, not in every forked rank

from ray_bench.config.grid import expand
from ray_bench.measure import instruments, utilization
from ray_bench.measure.clock import SystemClock
from ray_bench.measure.utilization import GpuWatch
from ray_bench.records import FLAGS, Part, RunData, extra_flag
from ray_bench.train import checkpoint, ladder
from ray_bench.train.extras import Extras
from ray_bench.train.group import Group
from ray_bench.train.run import train_rank
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.requests import ladder_request
from tests.train.test_loop import alone, request, train

#: Far below the 30 minutes that gloo would wait.
AT_ONCE_S = 20.0
PASSES = {
    "noise_steps": 3, "phase_steps": 4, "sync_pairs": 4, "checkpoint": True, "trace_steps": 1,
}  # fmt: skip


def asked(world_size=2, **values):
    measure = {"warmup_steps": 0, "warmup_s": 0, **PASSES}
    return request(world_size, steps=4, measure=measure, **values)


class BreaksIn(TinyWorkload):
    """Its loss raises on some ranks, from a step on that is counted after the training."""

    def __init__(self, ranks, part):
        super().__init__()
        self.ranks, self.part = ranks, part

    def build(self, context):
        module, batches, loss_fn = super().build(context)
        is_here = context.rank in self.ranks

        def breaking(outputs, targets):
            if is_here and _caller_is(PART_FILES[self.part]):
                raise ZeroDivisionError("planted\x1b[31m red")
            return loss_fn(outputs, targets)

        return module, batches, breaking


PART_FILES = {
    "noise": "noise_scale.py",
    "phases": "phase_pass.py",
    "sync_pairs": "sync_pairs.py",
    "flops": "flops.py",
    "trace": "passes.py:_trace",
}


def _caller_is(place: str) -> bool:
    file, _, name = place.partition(":")
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_filename.endswith(f"/train/{file}") and name in ("", code.co_name):
            return True
        frame = frame.f_back
    return False


def fields_of(run) -> dict[str, object]:
    return {
        "noise": run.grad_mean_sq_by_step,
        "phases": run.phase_pass_s,
        "checkpoint": run.checkpoint_s,
        "flops": run.flops_per_sample,
    }


def all_of(data: RunData) -> dict[str, object]:
    found = {**fields_of(data.run), "sync_pairs": data.sync_pairs, "trace": data.traces}
    return {name: bool(value) for name, value in found.items()}


@pytest.mark.parametrize("ranks", [(0, 1), (0,), (1,)], ids=str)
@pytest.mark.parametrize("part", PART_FILES)
def test_a_pass_that_raises_loses_itself_and_nothing_else(tmp_path, part, ranks):
    def job(group: Group) -> RunData:
        return train(asked(), BreaksIn(ranks, part), group)

    begin_s = time.monotonic()
    data = run_ranks(job, 2, tmp_path)[0]
    assert time.monotonic() - begin_s < AT_ONCE_S
    assert data.run.status == "ok"
    assert data.run.throughput_samples_per_s > 0
    assert [flag for flag in data.run.flags if flag.endswith("_failed")] == [extra_flag(part)]
    # The ranks that lost another one are not named.
    assert [(x.part, x.rank, x.error_type) for x in data.failures] == [
        (part, rank, "ZeroDivisionError") for rank in ranks
    ]
    assert all("in breaking" in x.error_traceback for x in data.failures)
    assert all_of(data) == {name: name != part for name in all_of(data)}
    if part == "phases":
        assert data.phases == ()


def test_without_anything_that_breaks_no_flag_is_set(tmp_path):
    data = run_ranks(lambda group: train(asked(), TinyWorkload(), group), 2, tmp_path)[0]
    assert all(all_of(data).values())
    assert (data.failures, [x for x in data.run.flags if x.endswith("_failed")]) == ((), [])


@pytest.mark.parametrize("part", PART_FILES)
def test_one_rank_alone_is_no_different(part):
    data = train(asked(1), BreaksIn((0,), part), alone())
    if part == "sync_pairs":  # there are none
        assert data.failures == ()
        return
    assert data.run.status == "ok"
    assert extra_flag(part) in data.run.flags
    assert data.failures[0].error_message.startswith("planted")
    assert "\x1b" not in data.failures[0].error_traceback


def test_running_out_of_memory_in_a_pass_is_told_by_its_kind():
    class Hungry(BreaksIn):
        def build(self, context):
            module, batches, loss_fn = TinyWorkload.build(self, context)

            def hungry(outputs, targets):
                if _caller_is(PART_FILES["phases"]):
                    torch.empty(10**16)
                return loss_fn(outputs, targets)

            return module, batches, hungry

    data = train(asked(1), Hungry((0,), "phases"), alone())
    assert (data.failures[0].part, data.failures[0].error_type) == ("phases", "OutOfMemory")


@pytest.mark.parametrize("rank", [0, 1])
def test_a_checkpoint_without_room_is_flagged(tmp_path, rank):
    def job(group: Group) -> RunData:
        if group.rank == rank:
            full = lambda: open("/dev/full", "wb", buffering=0)  # noqa: E731, SIM115
            checkpoint.tempfile.TemporaryFile = full  # in this forked rank alone
        return train(asked(), TinyWorkload(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    # Rank 0 alone saves.
    assert ("checkpoint_failed" in data.run.flags) == (rank == 0)
    assert (data.run.checkpoint_s is None) == (rank == 0)
    assert data.run.flops_per_sample > 0
    assert [x.error_type for x in data.failures] == ["DiskFull"] * (rank == 0)


@pytest.mark.parametrize("ranks", [(0, 1), (1,)], ids=str)
def test_an_evaluation_that_raises_leaves_its_epoch_without_one(tmp_path, ranks):
    class Once(TinyWorkload):
        calls = 0

        def evaluate(self, module, context):
            self.calls += 1
            if self.calls == 1 and context.rank in ranks:
                raise IndexError("no such sample")
            return super().evaluate(module, context)

    def job(group: Group) -> RunData:
        return train(request(2, epochs=2), Once(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    assert [epoch.val_loss is None for epoch in data.epochs] == [True, False]
    assert data.run.final_val_accuracy_frac is not None
    assert "evaluation_failed" in data.run.flags
    assert [(x.part, x.rank) for x in data.failures] == [("evaluation", rank) for rank in ranks]


def broken(*_, **__):
    raise OSError("the driver is gone")


@pytest.mark.parametrize("name", ["rank_meter", "watch_gpu", "peak_memory_bytes"])
def test_an_instrument_that_raises_is_told_and_unknown(monkeypatch, name):
    monkeypatch.setattr(instruments, name, broken)
    data = train(asked(1), TinyWorkload(), alone())
    assert data.run.status == "ok"
    assert "instruments_failed" in data.run.flags
    assert [(x.part, x.error_message) for x in data.failures] == [
        ("instruments", "the driver is gone")
    ]
    assert (data.run.peak_memory_bytes is None) == (name == "peak_memory_bytes")


def test_a_counter_that_breaks_in_the_middle_gives_no_energy(monkeypatch):
    class Counter:
        num_read = 0

        def joules(self):
            self.num_read += 1
            if self.num_read == 1:
                broken()
            return 5.0

    counter = Counter()
    monkeypatch.setattr(instruments, "rank_meter", lambda *_, **__: counter)
    data = train(request(1, epochs=3), TinyWorkload(), alone())
    assert (data.run.energy_j, counter.num_read) == (None, 1)
    assert len(data.failures) == 1


def test_a_watch_whose_thread_breaks_says_so(monkeypatch):
    monkeypatch.setattr(utilization, "read_use", broken)
    with GpuWatch(SimpleNamespace(), interval_s=0.001) as watch:
        time.sleep(0.02)
    with pytest.raises(OSError, match="the driver is gone"):
        _ = watch.use


def test_the_timed_run_is_there_before_the_passes_and_says_nothing_of_them():
    told = []
    workload = BreaksIn((0,), "phases")
    data = train_rank(asked(1), workload, alone(), SystemClock(alone().device), timed=told.append)
    (timed,) = told
    assert timed.run.throughput_samples_per_s == data.run.throughput_samples_per_s
    assert (timed.blocks, timed.epochs) == (data.blocks, data.epochs)
    assert (timed.phases, timed.failures, timed.run.checkpoint_s) == ((), (), None)


@pytest.mark.parametrize("ranks", [(0, 1, 2), pytest.param((1,), marks=pytest.mark.slow)], ids=str)
def test_a_ladder_goes_on_when_a_pass_of_its_smaller_world_sizes_fails(tmp_path, ranks):
    config = asked(3).config.model_copy(
        update={"world_sizes": (2, 3), "interleaved": True, "steps": None, "epochs": 1}
    )
    measure = config.measure.model_copy(update={"noise_steps": 0, "sentinel": False})
    short = config.ladder.model_copy(update={"rounds": 2, "turn_s": 0.01})
    config = config.model_copy(update={"measure": measure, "ladder": short, "repeats": 2})
    asks = ladder_request(config, expand(config))

    def job(group: Group) -> list[RunData]:
        found = []
        load = lambda: BreaksIn(ranks, "phases")  # noqa: E731
        ladder.train_ladder(asks, load, group, SystemClock(group.device), found.extend)
        return found

    runs = run_ranks(job, 3, tmp_path)[0]
    assert {data.run.point.world_size for data in runs} == {2, 3}
    for data in runs:
        assert data.run.status == "ok"
        assert ("phases_failed" in data.run.flags) == (data.run.repeat == 0)
    small = next(x for x in runs if x.run.repeat == 0 and x.run.point.world_size == 2)
    # Its second group cannot be made again: what comes after the pass is left out, and says so.
    assert {"phases", "sync_pairs"} <= {x.part for x in small.failures}
    assert "left out" in next(x.error_message for x in small.failures if x.part == "sync_pairs")


def test_a_group_of_its_own_is_made_again_after_each_failure(tmp_path):
    def job(group: Group) -> list[object]:
        failed = []
        extras = Extras(group, "run", failed.append, timeout_s=60)

        def make(within: Group) -> float:
            assert within.process_group is not group.process_group
            if within.rank == len(failed) + sum(done):
                raise KeyError(within.rank)
            return within.max(1.0)

        done: list[bool] = [False]
        first = extras.attempt("noise", make)
        done.append(True)
        done[0] = not failed  # the next rank raises
        second = extras.attempt("noise", lambda within: within.max(float(within.rank)))
        extras.close()
        return [first, second, len(failed)]

    answers = run_ranks(job, 2, tmp_path)
    assert answers == [[None, 1.0, 1], [None, 1.0, 0]]


class MuteError(Exception):
    """Cannot say what it is, and is its own cause."""

    def __str__(self):
        raise ValueError


def test_an_error_that_cannot_say_what_it_is_loses_nothing():
    told = []
    error = MuteError()
    error.__cause__ = KeyError("x")
    error.__cause__.__context__ = error

    def make(group: Group) -> None:
        raise error

    assert Extras(alone(), "run", told.append, timeout_s=1).attempt("noise", make) is None
    assert (told[0].error_type, told[0].rank) == ("MuteError", 0)
    assert "its text cannot be had" in told[0].error_message


def test_every_extra_has_a_flag():
    flags = {extra_flag(part) for part in get_args(Part) if part != "run"}
    assert flags == {flag for flag in FLAGS if flag.endswith("_failed")}
