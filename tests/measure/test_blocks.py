"""Blocks leave no gap, agree between ranks, and keep warm-up apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.config.schema import MeasureConfig
from ray_bench.measure.blocks import BlockTimer
from ray_bench.records import BlockRecord
from ray_bench.train.totals import clock_mismatch, throughput
from tests.fakes import FakeClock


def timed_run(step_times_s: list[list[float]], **config) -> tuple[list[BlockRecord], list[float]]:
    """Time epochs of steps on a fake clock; return (blocks, seconds of every epoch)."""
    clock, blocks, epochs_s = FakeClock(), [], []
    timer = BlockTimer(
        clock,
        MeasureConfig(**config),
        agree=lambda value: value,
        record=blocks.append,
        run_id="r",
        rank=0,
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


def test_a_gap_between_blocks_and_the_wall_clock_is_a_mismatch():
    from ray_bench.records import EpochRecord

    epoch = EpochRecord(
        run_id="r",
        epoch=1,
        num_steps=2,
        num_samples=8,
        train_s=1.0,
        train_wall_clock_s=1.03,
        eval_s=None,
        lr=0.1,
        train_loss=1.0,
        train_accuracy_frac=None,
        val_loss=None,
        val_accuracy_frac=None,
    )
    assert clock_mismatch([block(0, 0, 1.0)], [epoch])
    assert not clock_mismatch([block(0, 0, 1.02)], [epoch])
