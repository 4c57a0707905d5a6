"""Blocks leave no gap, agree between ranks, and keep warm-up apart."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.config.groups import MeasureConfig
from ray_bench.measure.blocks import BlockTimer
from ray_bench.measure.totals import clock_backwards, clock_mismatch, stalled, throughput
from ray_bench.records import BlockRecord, EpochRecord
from tests.fakes import FakeClock


def timed_run(
    step_times_s: list[list[float]], *, agree=lambda value: value, rank=0, **config
) -> tuple[list[BlockRecord], list[float]]:
    """Time epochs of steps on a fake clock; return (blocks, seconds of every epoch)."""
    clock, blocks, epochs_s = FakeClock(), [], []
    timer = BlockTimer(
        clock,
        MeasureConfig(**config),
        agree=agree,
        record=blocks.append,
        total_steps=sum(map(len, step_times_s)),
        run_id="r",
        rank=rank,
    )
    for epoch, times in enumerate(step_times_s):
        timer.start_epoch(epoch + 1)
        for seconds in times:
            clock.advance(seconds)
            timer.step_done(4)
        epochs_s.append(timer.end_epoch())
    return blocks, epochs_s


def test_warmup_ends_after_steps_and_seconds():
    blocks, _ = timed_run([[0.125] * 38], warmup_steps=5, warmup_s=1.0, block_s=0.25)
    warm = [block for block in blocks if block.is_warmup]
    assert len(warm) == 8  # 5 steps would do, 1 s needs 8
    assert {block.num_steps for block in warm} == {1}
    assert [block.num_steps for block in blocks if not block.is_warmup] == [2] * 15


def in_lockstep(*ranks_times_s: list[float], **config) -> list[list[BlockRecord]]:
    """Time one epoch on several ranks that agree with each other; return the blocks of each."""
    barrier = threading.Barrier(len(ranks_times_s))
    said: dict[int, float] = {}

    def run(rank: int) -> list[BlockRecord]:
        def agree(value: float) -> float:
            said[rank] = value
            barrier.wait(10)
            largest = max(said.values())
            barrier.wait(10)
            return largest

        return timed_run([ranks_times_s[rank]], agree=agree, rank=rank, **config)[0]

    with ThreadPoolExecutor(len(ranks_times_s)) as pool:
        return list(pool.map(run, range(len(ranks_times_s))))


def test_warmup_ends_on_all_ranks_when_the_last_one_has_settled():
    steady = [0.1] * 200
    falling = [1.0 - 0.01 * min(step, 45) for step in range(200)]
    first, second = in_lockstep(steady, falling, warmup_steps=5, warmup_s=0.1, block_s=2.0)
    assert [(b.num_steps, b.is_warmup) for b in first] == [
        (b.num_steps, b.is_warmup) for b in second
    ]
    num_warm = sum(block.is_warmup for block in first)
    alone, _ = timed_run([steady], warmup_steps=5, warmup_s=0.1, block_s=2.0)
    assert sum(block.is_warmup for block in alone) < 10 < num_warm


def test_ranks_talk_in_warmup_only_and_what_they_say_is_not_in_a_timed_block():
    clock, calls = FakeClock(), []

    def agree(value: float) -> float:
        calls.append(value)
        clock.advance(5.0)
        return value

    blocks = []
    timer = BlockTimer(
        clock,
        MeasureConfig(warmup_steps=6, warmup_s=0, block_s=1.0),
        agree=agree,
        record=blocks.append,
        total_steps=30,
        run_id="r",
        rank=0,
    )
    timer.start_epoch(1)
    for _ in range(30):
        clock.advance(0.25)
        timer.step_done(1)
    timer.end_epoch()
    assert len(calls) == 2  # one verdict, one block length
    assert [b.duration_s for b in blocks if not b.is_warmup] == pytest.approx([1.0] * 6)
    assert not timer.is_unsettled


def test_step_times_that_never_settle_are_told():
    clock, blocks = FakeClock(), []
    timer = BlockTimer(
        clock,
        MeasureConfig(warmup_steps=5, warmup_s=0),
        agree=lambda value: value,
        record=blocks.append,
        total_steps=1000,
        run_id="r",
        rank=0,
    )
    timer.start_epoch(1)
    for step in range(40):
        clock.advance(1.0 - 0.02 * step)
        timer.step_done(1)
    assert sum(block.is_warmup for block in blocks) == 25
    assert timer.is_unsettled


@given(
    st.lists(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=30), min_size=1, max_size=4),
    st.integers(0, 8),
    st.floats(0, 3),
)
def test_blocks_hold_every_step_and_all_the_time(times, warmup_steps, warmup_s):
    blocks, epochs_s = timed_run(times, warmup_steps=warmup_steps, warmup_s=warmup_s)
    assert sum(block.num_steps for block in blocks) == sum(map(len, times))
    assert sum(block.duration_s for block in blocks) == pytest.approx(sum(epochs_s), abs=1e-6)
    assert [block.block for block in blocks] == list(range(len(blocks)))


def block(rank: int, index: int, seconds: float, **values) -> BlockRecord:
    fields = {"num_steps": 2, "num_samples": 8, "epoch": 1, "start_s": 0.0, "is_warmup": False}
    return BlockRecord(
        run_id="r", rank=rank, block=index, duration_s=seconds, **{**fields, **values}
    )


def test_the_slowest_rank_counts():
    rate, step_s, flags = throughput([[block(0, 0, 1.0)], [block(1, 0, 2.0)]])
    assert rate == pytest.approx(16 / 2.0)
    assert step_s == pytest.approx(1.0)
    assert flags == ["few_blocks"]


def test_throughput_is_a_ratio_of_sums_without_warmup():
    blocks = [block(0, 0, 9.0, is_warmup=True), block(0, 1, 1.0), block(0, 2, 3.0)]
    rate, _, _ = throughput([blocks])
    assert rate == pytest.approx(16 / 4)


def test_a_run_of_warmup_alone_is_flagged():
    blocks = [block(0, 0, 9.0, is_warmup=True), block(0, 1, 1.0, is_warmup=True)]
    rate, _, flags = throughput([blocks])
    assert rate == pytest.approx(8.0)  # the first step is left out all the same
    assert "warmup_included" in flags


def test_noise_that_changes_sides_does_not_slow_the_job():
    first = [block(0, 0, 1.0), block(0, 1, 2.0)]
    second = [block(1, 0, 2.0), block(1, 1, 1.0)]
    rate, _, _ = throughput([first, second])
    assert rate == pytest.approx(32 / 3.0)


def epoch_of(**values) -> EpochRecord:
    fields = {
        "run_id": "r",
        "epoch": 1,
        "num_steps": 2,
        "num_samples": 8,
        "train_s": 1.0,
        "eval_s": None,
        "lr": 0.1,
        "train_loss": 1.0,
        "train_accuracy_frac": None,
        "val_loss": None,
        "val_accuracy_frac": None,
    }
    return EpochRecord(**{**fields, **values})


def test_a_gap_between_blocks_and_the_wall_clock_is_a_mismatch():
    epoch = epoch_of(train_wall_clock_s=1.03)
    assert clock_mismatch([block(0, 0, 1.0)], [epoch])
    assert not clock_mismatch([block(0, 0, 1.02)], [epoch])


@pytest.mark.parametrize(
    ("block_s", "epoch"),
    [
        (-0.5, epoch_of()),
        (1.0, epoch_of(train_s=-1.0)),
        (1.0, epoch_of(eval_s=-1.0)),
        (1.0, epoch_of(train_wall_clock_s=-3599.0)),  # summer time ends
        (1.0, epoch_of(train_wall_clock_s=0.9)),  # set back by a tenth of a second
    ],
)
def test_a_clock_that_steps_backwards_is_told(block_s, epoch):
    assert clock_backwards([block(0, 0, block_s)], [epoch])


def test_a_step_between_two_blocks_or_in_a_later_pass_is_told_too():
    blocks = [block(0, 0, 1.0, start_s=0.0), block(0, 1, 1.0, start_s=-9.0)]
    assert clock_backwards(blocks, [])
    assert clock_backwards([], [], [None, 1.0, -1.0])


def test_clocks_that_only_go_forwards_are_not_accused():
    assert not clock_backwards([block(0, 0, 1.0)], [epoch_of(train_wall_clock_s=1.03)])
    assert not clock_backwards([block(0, 0, 1.01)], [epoch_of(train_wall_clock_s=1.0)])


def test_without_any_time_the_throughput_is_unknown():
    rate, step_s, _ = throughput([[block(0, 0, 1.0), block(0, 1, -1.0)]])
    assert (rate, step_s) == (None, None)


def steps_of(*durations_s: float, rank: int = 0) -> list[BlockRecord]:
    return [block(rank, 0, seconds) for seconds in durations_s]


@pytest.mark.parametrize(
    ("durations_s", "has_gap"),
    [
        ([0.25] * 30, False),
        ([0.25] * 15 + [90.0] + [0.25] * 15, True),
        ([14.0] * 5 + [104.0], True),
        ([0.25] * 15 + [1.9] + [0.25] * 15, False),  # noise: seconds count too
        ([14.0] * 5 + [40.0], False),  # a slow step: the factor counts too
        ([0.25, 0.25, 9.0, 9.0, 9.0], False),  # slower from then on is drift, not a gap
    ],
)
def test_a_rank_that_stood_still_is_seen_in_the_blocks_of_all(durations_s, has_gap):
    ranks = [steps_of(*durations_s), steps_of(*durations_s, rank=1)]
    assert stalled(ranks) is has_gap
    assert not stalled([steps_of(*durations_s), steps_of(*[0.25] * 30, rank=1)])
    assert not stalled([])
