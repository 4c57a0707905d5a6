"""Peak memory against the batch: the parts, the intervals' coverage, and what fits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ray_bench.analysis.groups import groups_of
from ray_bench.analysis.memory import MemoryPoint, memory_line
from ray_bench.analysis.memory_rows import capacity_bytes, fits, memory_of, memory_rows
from ray_bench.stats.estimate import Estimate
from tests.synthetic import synthetic

FIXED, EACH, NOISE = 1e9, 2e7, 2e7


def points(batches, repeats, rng, bend=0.0):
    """Runs of strong scaling; `bend`: by how much a batch is off the line, in all its runs."""
    for batch in batches:
        off = bend * rng.standard_normal()
        for _ in range(repeats):
            peak = FIXED + EACH * batch + off + NOISE * rng.standard_normal()
            yield MemoryPoint(world_size=256 // batch, batch=batch, peak_bytes=peak)


@pytest.mark.parametrize(
    ("batches", "repeats", "bend"),
    [
        ((16, 32, 64, 128), 3, 0.0),
        ((16, 32, 64, 128), 3, 3e7),
        ((16, 32, 64), 3, 3e7),
        ((16, 32, 64), 1, 0.0),
        ((32, 64), 3, 0.0),
    ],
)
@pytest.mark.parametrize("at", [8, 64, 256])
def test_intervals_cover_another_run(batches, repeats, bend, at):
    """95 % at least: what is assumed beyond the batches, and of rounding, comes on top."""
    rng, hits, count = np.random.default_rng(1), 0, 400
    for _ in range(count):
        found = memory_line(list(points(batches, repeats, rng, bend))).at(at)
        off = bend * rng.standard_normal() + NOISE * rng.standard_normal()
        hits += found.contains(FIXED + EACH * at + off)
    assert hits / count >= 0.925  # 2.2 standard errors of 400 trials below 95 %


def test_the_parts_are_told_apart():
    line = memory_line(
        [MemoryPoint(world_size=n, batch=64 / n, peak_bytes=9e8 + 64e7 / n) for n in (1, 2, 4)]
    )
    assert line.fixed_bytes == pytest.approx(9e8)
    assert line.bytes_per_sample == pytest.approx(1e7)
    assert line.at(128).value == pytest.approx(9e8 + 128e7)
    assert line.at(128).high - line.at(128).value >= 64e6  # a tenth of 64 samples more


def test_one_batch_tells_nothing_of_another():
    peaks = [MemoryPoint(world_size=n, batch=32, peak_bytes=1e9 + 1e6 * n) for n in (2, 4, 8)]
    line = memory_line(peaks)
    assert not line.is_known
    assert line.at(64) is None
    assert line.at(32).contains(1e9)
    assert memory_line(peaks[:1]).at(32) == Estimate(1e9 + 2e6)
    assert memory_line([]) is None


def group_of(**values):
    results = synthetic(**values)
    (group, *_) = groups_of(results)
    return group, results.environments


def test_sizes_that_were_not_measured_are_forecast_and_the_rest_are_not():
    group, environments = group_of(world_sizes=(2, 4, 8))
    rows = {x.world_size: x for x in memory_rows((1, 2, 16, 4096), group, environments)}
    assert set(rows) == {1, 2, 16}  # a batch of 128 has no sample for 4096 workers
    assert rows[2].predicted is None
    assert rows[2].measured_bytes == 2**30 + 2**28
    assert rows[1].predicted.contains(2**30 + 2**29)
    assert (rows[1].batch, rows[16].batch) == (128, 8)


def test_what_ddp_takes_is_no_slope():
    group, _ = group_of(world_sizes=(1, 2))
    line = memory_of(group.runs)
    assert line.at(32).low is None  # of two batches one is without DDP
    wrapped = memory_of(group_of(world_sizes=(1, 2, 4))[0].runs)
    assert wrapped.batches == (32, 64)


def test_a_process_keeps_its_peak_so_the_first_run_in_it_counts():
    group, _ = group_of(world_sizes=(2, 4), repeats=2)
    later = [
        dataclasses.replace(
            run,
            launch_id=f"launch-{run.point.world_size}",
            peak_memory_bytes=2**30 * (1 + 8 * run.repeat),
        )
        for run in group.runs
    ]
    assert memory_of(later).mean_bytes == 2**30


@pytest.mark.parametrize(
    ("peak", "expected"),
    [
        (Estimate(50.0, 45.0, 55.0), "yes"),
        (Estimate(92.0, 88.0, 96.0), "unsure"),  # the allocator holds more than the peak
        (Estimate(92.0, 80.0, 120.0), "unsure"),
        (Estimate(120.0, 101.0, 140.0), "no"),
        (Estimate(50.0), "unsure"),
        (Estimate(101.0), "no"),
    ],
)
def test_a_forecast_fits_surely_or_perhaps_or_not(peak, expected):
    assert fits(peak, 100.0) == expected


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", 80 * 2**30),
        ("Tesla V100-SXM2-16GB", 16 * 2**30),
        ("Tesla T4", None),
        ("cpu", 2**36 / 4),
    ],
)
def test_the_capacity_of_a_worker(device, expected):
    group, environments = group_of(world_sizes=(2, 4), device=device)
    assert capacity_bytes(group.runs, environments, 4) == expected


def test_workers_of_a_host_share_its_memory():
    group, environments = group_of(world_sizes=(2, 4))
    assert capacity_bytes(group.runs, environments, 16) == 2**36 / 16
    assert capacity_bytes(group.runs, {}, 16) is None
