"""From ideal to measured efficiency: the steps add up, and planted causes are found."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.curve import curve_of
from ray_bench.analysis.groups import groups_of
from ray_bench.analysis.losses import Steps
from ray_bench.analysis.phases import phase_splits
from ray_bench.analysis.stragglers import rank_lags
from ray_bench.analysis.sync import sync_splits
from ray_bench.analysis.times import time_rows
from ray_bench.analysis.waterfall import Cause, waterfalls
from ray_bench.records import PHASES
from tests.synthetic import Sync, synthetic


def falls_of(results):
    """The waterfalls of the only group, without the fits that a study makes."""
    (group,) = groups_of(results)
    tables = {
        name: split_by_run(getattr(results, name))
        for name in ("blocks", "phases", "buckets", "sync_pairs")
    }
    splits = phase_splits(group.runs, tables["phases"])
    syncs = sync_splits(group.runs, tables["phases"], tables["buckets"], tables["sync_pairs"])
    steps = Steps(
        splits={x.world_size: x for x in splits},
        syncs={x.world_size: x for x in syncs},
        lags=rank_lags(group.runs, tables["phases"]),
    )
    curve = curve_of(group.runs, tables["blocks"])
    times = time_rows(group.runs, curve.throughput)
    return waterfalls(group.runs, curve, times, steps, tables["phases"])


def points_of(waterfall):
    return {fall.cause: fall.points for fall in waterfall.falls}


SECONDS = st.dictionaries(st.sampled_from([*PHASES, "new_phase"]), st.floats(0, 1), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    phases=st.tuples(SECONDS, SECONDS, SECONDS),
    slow=st.floats(0, 2),
    step_s=st.tuples(*[st.floats(1e-3, 2)] * 3),
    scaling=st.sampled_from(["strong", "weak"]),
    ladder=st.booleans(),
    contention=st.floats(-0.1, 0.1),
    dropped=st.sets(st.sampled_from([1, 2, 4])),
)
def test_the_steps_add_up_whatever_was_measured(
    phases, slow, step_s, scaling, ladder, contention, dropped
):
    by_size = dict(zip((1, 2, 4), phases, strict=True))
    seconds = dict(zip((1, 2, 4), step_s, strict=True))

    def ranks(size, batch):
        # One more name makes a step that is longer than nothing.
        own = {**by_size[size], "forward": by_size[size].get("forward", 0) + 1e-3}
        worst = {**own, "forward": own["forward"] + slow}
        return [own] * (size - 1) + [worst] if size > 1 else [own]

    results = synthetic(
        (1, 2, 4),
        repeats=2,
        scaling=scaling,
        step_s=lambda n, batch: seconds[n],
        ranks_s=ranks,
        sync=Sync(contention_s=contention),
        ladder=ladder,
        noise=0.01,
        setup_s=None if ladder else 3.0,
    )
    lost_runs = {run.run_id for run in results.runs if run.point.world_size in dropped}
    kept = ~np.isin(results.phases["run_id"].astype(str), sorted(lost_runs))
    phases_left = {name: column[kept] for name, column in results.phases.items()}
    for found in falls_of(dataclasses.replace(results, phases=phases_left)):
        total = math.fsum(fall.points.value for fall in found.falls)
        assert total == pytest.approx(found.lost_frac, abs=1e-12)
        if {1, found.world_size} & dropped:
            assert [fall.cause for fall in found.falls] == [Cause.UNEXPLAINED]
        if found.over_run is not None:
            whole = math.fsum(fall.points.value for fall in found.over_run.falls)
            assert whole == pytest.approx(found.over_run.lost_frac, abs=1e-12)
        assert (found.over_run is None) is ladder


def even(**more):
    """100 ms of computation that is shared out, and seconds that are the same on all workers."""

    def ranks(size, batch):
        own = {"data_wait": 0.01 / size, "forward": 0.03 / size, "backward": 0.06 / size}
        for name, seconds in more.items():
            own[name] = own.get(name, 0.0) + (seconds if size > 1 else 0.0)
        return [own] * size

    return ranks


@pytest.mark.parametrize(
    ("phase", "cause"),
    [
        ("data_wait", Cause.DATA_WAIT),
        ("host_to_device", Cause.DATA_WAIT),
        ("skew_wait", Cause.SKEW),
        ("exposed_comm", Cause.TRANSFER),
        ("forward", Cause.BATCH_TOO_SMALL),
        ("optimizer", Cause.OPTIMIZER_AND_HOST),
        ("other", Cause.UNEXPLAINED),
    ],
)
def test_a_planted_cause_takes_the_points(phase, cause):
    found = falls_of(synthetic((1, 4), ranks_s=even(**{phase: 0.025}), noise=0.001))[0]
    # Half of a step of 50 ms is lost.
    points = points_of(found)
    assert points[cause].value == pytest.approx(0.5, abs=0.01)
    assert points[cause].low < points[cause].value < points[cause].high
    for other, value in points.items():
        if other is not cause:
            assert value.value == pytest.approx(0, abs=0.01)


def test_contention_is_taken_out_of_the_computation():
    results = synthetic(
        (1, 4),
        ranks_s=even(backward=0.02, exposed_comm=0.005),
        sync=Sync(contention_s=0.02),
        noise=1e-4,
    )
    (found,) = falls_of(results)
    points = points_of(found)
    assert points[Cause.CONTENTION].value == pytest.approx(0.4, abs=0.01)
    assert points[Cause.BATCH_TOO_SMALL].value == pytest.approx(0, abs=0.01)
    assert points[Cause.CONTENTION].high is not None


def test_the_same_batch_that_takes_longer_is_the_host():
    def ranks(size, batch):
        return [{"forward": 0.03, "backward": 0.06 + 0.01 * (size > 1)}] * size

    (found,) = falls_of(synthetic((1, 2), scaling="weak", ranks_s=ranks, noise=1e-4))
    points = points_of(found)
    assert points[Cause.OPTIMIZER_AND_HOST].value == pytest.approx(0.1, abs=0.005)
    assert Cause.BATCH_TOO_SMALL not in points


def test_a_gain_is_a_gain():
    (found,) = falls_of(synthetic((1, 4), ranks_s=even(forward=-0.003), noise=1e-4))
    assert points_of(found)[Cause.BATCH_TOO_SMALL].value < -0.1
    assert found.lost_frac < 0


def test_what_the_throughput_pass_does_not_see_is_unexplained():
    results = synthetic((1, 4), ranks_s=even(), noise=1e-4)
    is_many = np.char.find(results.phases["run_id"].astype(str), "-w4-") >= 0
    longer = results.phases["duration_s"] * np.where(is_many, 1.2, 1.0)
    (found,) = falls_of(
        dataclasses.replace(results, phases={**results.phases, "duration_s": longer})
    )
    points = points_of(found)
    assert points[Cause.UNEXPLAINED].value == pytest.approx(-0.2, abs=0.01)
    assert found.lost_frac == pytest.approx(0, abs=0.01)


def test_start_up_is_spread_over_the_run():
    results = synthetic(
        (1, 2), ranks_s=even(), noise=0.0, epochs=1, num_samples=12_800, setup_s=5.0
    )
    (found,) = falls_of(results)
    over = found.over_run
    # 100 steps of 50 ms, and 5 s of which 2.5 s would be ideal.
    assert over.train_s == pytest.approx(10.0, rel=1e-3)
    points = points_of(over)
    assert points[Cause.START_UP].value == pytest.approx(0.25, abs=1e-3)
    assert over.efficiency_frac.value == pytest.approx(0.75, abs=1e-3)


def test_one_run_has_intervals_from_its_steps():
    results = synthetic((1, 4), repeats=1, ranks_s=even(exposed_comm=0.02), noise=0.0)
    transfer = points_of(falls_of(results)[0])[Cause.TRANSFER]
    assert transfer.low < transfer.value < transfer.high


def test_intervals_cover_a_planted_loss():
    covered = 0
    rng = np.random.default_rng(3)
    for _ in range(300):
        scale = {n: np.exp(0.05 * rng.standard_normal(3)) for n in (1, 4)}
        results = synthetic((1, 4), repeats=3, ranks_s=even(exposed_comm=0.02), noise=0.0)
        index = {run.run_id: scale[run.point.world_size][run.repeat] for run in results.runs}
        factor = np.array([index[run_id] for run_id in results.phases["run_id"]])
        is_comm = results.phases["phase"] == "exposed_comm"
        seconds = results.phases["duration_s"] * np.where(is_comm, factor, 1.0)
        noisy = dataclasses.replace(results, phases={**results.phases, "duration_s": seconds})
        transfer = points_of(falls_of(noisy)[0])[Cause.TRANSFER]
        # exp of a normal has a mean a little above 1.
        covered += transfer.contains(0.02 / 0.045 * math.exp(0.05**2 / 2))
    assert 0.91 <= covered / 300 <= 0.98
