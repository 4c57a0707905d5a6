"""Predictions from one measured worker, against steps that were played event by event."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.analysis.bucket_times import bucket_times
from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.network import network_study
from ray_bench.analysis.replay.cost import Network, Wire
from ray_bench.analysis.replay.forecast import Question, default_sizes, predicted_steps
from ray_bench.analysis.replay.links import (
    LinkValues,
    measured_links,
    preset_link,
    stated_link,
)
from ray_bench.analysis.replay.presets import PRESETS
from ray_bench.analysis.replay.profile import step_profile
from ray_bench.analysis.replay.schedule import default_buckets
from ray_bench.analysis.replay.skew import expected_max
from ray_bench.analysis.study import studies
from ray_bench.errors import AnalysisError
from ray_bench.stats.buckets import last_reduced_s
from tests.network_samples import network_columns
from tests.replay_truth import Truth, config_with, mean_step_s, played_results


def profile_of(results, *others):
    pairs = [(x, studies(x)[0]) for x in (results, *others)]
    return step_profile(*pairs[0], pairs[1:])


def ask(link: LinkValues, scaling="strong", **network) -> Question:
    between = network.pop("between", None)
    wires = {"within": link.wire, "between": between.wire if between else None}
    return Question(
        network=Network(**wires, **network), within=link, between=between, scaling=scaling
    )


def link_of(truth: Truth) -> LinkValues:
    return stated_link(1 / truth.beta_s_per_byte, truth.alpha_s)


def predicted(truth: Truth, scaling="strong", sizes=(2, 4, 8), **changes):
    results = played_results(truth, scaling=scaling, **changes)
    (study,) = studies(results)
    question = ask(link_of(truth), scaling)
    return predicted_steps(profile_of(results), question, sizes, study.curve)


@pytest.mark.parametrize("scaling", ["strong", "weak"])
@pytest.mark.parametrize(
    "truth",
    [
        Truth(),
        Truth(beta_s_per_byte=5e-9),  # the link is busy all the time
        Truth(beta_s_per_byte=1e-11, alpha_s=1e-3),  # latency
        Truth(layers_mib=(0.1, 0.1, 0.1, 25.0), beta_s_per_byte=3e-10),  # all at the end
        Truth(noise=0.03, beta_s_per_byte=1e-10),  # the slowest worker counts
    ],
    ids=["mixed", "busy", "latency", "last", "noise"],
)
def test_step_times_at_2_4_and_8_are_predicted_from_one_worker(truth, scaling):
    rows = predicted(truth, scaling)
    assert [row.world_size for row in rows] == [2, 4, 8]
    for row in rows:
        assert row.error_frac == pytest.approx(0, abs=0.03)
        assert row.step_s.contains(row.measured_step_s.value)


def test_a_thousand_workers_are_predicted_too():
    truth = Truth()
    (row,) = predicted(truth, "weak", sizes=(1024,))
    assert row.step_s.value == pytest.approx(mean_step_s(truth, 1024, 64), rel=0.03)


def test_ready_times_may_come_from_any_world_size():
    rows = predicted(Truth(beta_s_per_byte=3e-9), ddp_at_one=False, sampled_at=(1, 4))
    assert all(abs(row.error_frac) < 0.03 for row in rows)


def test_a_curve_need_not_begin_at_one_worker():
    truth = Truth(beta_s_per_byte=2e-9)
    rows = predicted(truth, sizes=(4, 8), ddp_at_one=False, world_sizes=(2, 4, 8), sampled_at=(2,))
    assert all(abs(row.error_frac) < 0.03 for row in rows)


@pytest.mark.parametrize(
    ("cap_mb", "sizes_mib"), [(25.0, (1, 22)), (5.0, (5, 5, 5, 5, 3)), (50.0, (23,))]
)
def test_without_buckets_those_are_assumed_that_ddp_would_make(cap_mb, sizes_mib):
    """Its first bucket is 1 MiB where the cap is its own, else as large as the cap."""
    results = config_with(played_results(Truth(), with_buckets=False), bucket_cap_mb=cap_mb)
    buckets = profile_of(results).buckets
    assert buckets.measured_at is None
    assert buckets.num_bytes.tolist() == [x * 2**20 for x in sizes_mib]
    assert buckets.ready_frac[-1] == 1
    # A cap counts gradients before they are halved on their way.
    halved = [
        dataclasses.replace(
            run,
            grad_bytes=run.grad_bytes // 2 if run.point.is_ddp else run.grad_bytes,
            point=dataclasses.replace(run.point, compression="bf16" if run.point.is_ddp else None),
        )
        for run in results.runs
    ]
    sent = profile_of(dataclasses.replace(results, runs=tuple(halved))).buckets
    assert sent.num_bytes.tolist() == [x * 2**19 for x in sizes_mib]
    assert sent.ready_frac.tolist() == buckets.ready_frac.tolist()


def test_gradients_smaller_than_a_bucket_are_one_bucket():
    buckets = default_buckets(1000)
    assert (buckets.num_bytes.tolist(), buckets.ready_frac.tolist()) == ([1000], [1])


def test_time_that_stays_is_found_from_runs_with_several_batches():
    truth = Truth(stuck_s=0.02, data_grows=True, beta_s_per_byte=1e-11, alpha_s=0)
    big = played_results(truth)
    small = played_results(truth, batch=16, world_sizes=(1,), sweep_id="sweep-2")
    profile = profile_of(big, small)
    assert profile.line.is_measured
    assert profile.line.fixed_s == pytest.approx(0.02, rel=0.02)
    (_, study), question = (big, studies(big)[0]), ask(link_of(truth))
    rows = predicted_steps(profile, question, (2, 4, 8), study.curve)
    assert all(abs(row.error_frac) < 0.03 for row in rows)
    # Taken in proportion, the same step is far too short, and the interval says how far it may be.
    assumed = predicted_steps(profile_of(big), question, (8,), study.curve)[0]
    assert assumed.error_frac < -0.2


def test_an_unmeasured_share_widens_only_strong_scaling():
    results = played_results(Truth(), scaling="strong")
    profile = profile_of(results)
    link = link_of(Truth())
    (strong,) = predicted_steps(profile, ask(link, "strong"), (64,))
    (weak,) = predicted_steps(profile, ask(link, "weak"), (64,))
    width = [x.step_s.high / x.step_s.value for x in (strong, weak)]
    assert width[0] > width[1]
    assert weak.local_batch == 64
    assert strong.local_batch == 1


def test_more_workers_than_samples_are_left_out():
    profile = profile_of(played_results(Truth()))
    rows = predicted_steps(profile, ask(link_of(Truth())), default_sizes(profile))
    assert [row.world_size for row in rows] == [1, 2, 4, 8, 16, 32, 64]


def test_the_measured_world_size_is_what_it_was():
    results = played_results(Truth(), ddp_at_one=False, sampled_at=(1, 2))
    (row,) = predicted_steps(profile_of(results), ask(link_of(Truth())), (1,))
    assert row.efficiency_frac.value == pytest.approx(1)
    assert (row.exposed_s.value, row.sync_s.value, row.measured_step_s) == (0, 0, None)


def test_intervals_of_a_measured_link_are_wider_than_of_a_stated_one():
    columns = network_columns((2, 4), alpha=5e-5, beta=5e-9, noise=0.4)
    measured, between = measured_links(network_study(columns), "sweep", "x", [2**20])
    assert between is None
    profile = profile_of(played_results(Truth()))
    value = dataclasses.replace
    stated = stated_link(1 / measured.beta_s_per_byte.value, measured.alpha_s.value)
    assert value(measured, origin="stated", name="", ring_workers=None).wire == stated.wire
    (wide,), (narrow,) = (
        predicted_steps(profile, ask(link, "weak"), (8,)) for link in (measured, stated)
    )
    assert wide.step_s.value == pytest.approx(narrow.step_s.value)
    assert wide.step_s.high - wide.step_s.low > narrow.step_s.high - narrow.step_s.low


def test_the_link_may_come_from_the_buckets_of_sampled_steps():
    truth = Truth(beta_s_per_byte=4e-9, alpha_s=2e-4)
    results = played_results(truth, sampled_at=(1, 2, 4))
    (study,) = studies(results)
    times = bucket_times(study.group.runs, split_by_run(results.buckets), results.environments)
    link, _ = measured_links(network_study(times), "buckets", "sweep-1", [2**20])
    assert link.alpha_s.value == pytest.approx(2e-4, rel=0.05)
    assert link.beta_s_per_byte.value == pytest.approx(4e-9, rel=0.05)


def test_without_sampled_steps_there_is_no_prediction():
    results = played_results(Truth(), sampled_at=())
    with pytest.raises(AnalysisError, match="phase_steps"):
        profile_of(results)


def test_nodes_reduce_first_or_all_wait_for_the_slow_link():
    fast, slow = Wire(alpha_s=1e-6, beta_s_per_byte=1e-11), Wire(alpha_s=1e-5, beta_s_per_byte=1e-9)
    size = np.array([1e8])
    network = Network(within=fast, between=slow, workers_per_node=8)
    # 14 alpha + 7/4 S beta within, 6 alpha + 6/4 S beta between 4 nodes.
    expected = 14e-6 + 14 / 8 * 1e8 * 1e-11 + 6e-5 + 6 / 4 * 1e8 * 1e-9
    assert network.all_reduce_s(32, size)[0] == pytest.approx(expected)
    flat = dataclasses.replace(network, levels="flat").all_reduce_s(32, size)[0]
    assert flat == pytest.approx(62e-5 + 62 / 32 * 1e8 * 1e-9)
    # Within a node nothing of the slow link is seen.
    assert network.all_reduce_s(8, size)[0] == pytest.approx(14e-6 + 14 / 8 * 1e8 * 1e-11)
    assert network.num_nodes(9) == 2


@given(st.integers(2, 4096), st.floats(0, 1e-3), st.floats(0, 1e-8), st.floats(1, 1e9))
def test_the_quicker_algorithm_is_never_slower_than_either(count, alpha, beta, num_bytes):
    wire, size = Wire(alpha_s=alpha, beta_s_per_byte=beta), np.array([num_bytes])
    found = {
        name: float(Network(within=wire, algorithm=name).all_reduce_s(count, size)[0])
        for name in ("ring", "tree", "quicker")
    }
    assert found["quicker"] == min(found["ring"], found["tree"])
    steps = 2 * (count - 1)
    assert found["ring"] == pytest.approx(steps * alpha + steps / count * num_bytes * beta)


def exposed_s(beta, world_size, ready_s, backward_s):
    """What the backward pass does not hide of buckets of 1 MB, without latency."""
    network = Network(within=Wire(alpha_s=0.0, beta_s_per_byte=beta))
    transfer = network.all_reduce_s(world_size, np.full(len(ready_s), 1e6))
    return max(0.0, float(last_reduced_s(np.array(ready_s), transfer)) - backward_s)


def test_overlap_hides_all_but_the_last_bucket():
    # Three buckets, each 1.75 ms on 8 ranks; the last one is ready when backward ends.
    assert exposed_s(1e-9, 8, [0.002, 0.004, 0.006], 0.006) == pytest.approx(2 * 7 / 8 * 1e-3)
    assert exposed_s(1e-9, 1, [0.006], 0.006) == 0
    slow = exposed_s(1e-8, 8, [0.002, 0.004, 0.006], 0.006)
    assert slow == pytest.approx(0.002 + 3 * 0.0175 - 0.006)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_buckets_are_reduced_one_after_the_other(buckets):
    ready, transfer = sorted(x[0] for x in buckets), [x[1] for x in buckets]
    end = 0.0
    for at, seconds in zip(ready, transfer, strict=True):
        end = max(at, end) + seconds
    assert float(last_reduced_s(np.array(ready), np.array(transfer))) == pytest.approx(end)


@pytest.mark.parametrize(
    ("count", "value"), [(1, 0), (2, 0.5642), (8, 1.4236), (256, 2.8270), (4096, 3.626)]
)
def test_the_largest_of_normals(count, value):
    assert expected_max(count) == pytest.approx(value, abs=1e-3)


def test_more_latency_or_less_bandwidth_never_helps():
    profile = profile_of(played_results(Truth()))
    steps = [
        predicted_steps(profile, ask(stated_link(rate, latency)), (8,))[0].step_s.value
        for rate, latency in ((1e10, 1e-5), (1e9, 1e-5), (1e9, 1e-3))
    ]
    assert steps == sorted(steps)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_source_and_makes_sense(name):
    preset = PRESETS[name]
    assert preset.name == name
    assert len(preset.source) > 10
    assert len(preset.assumes) > 10
    assert 1e8 < preset.bytes_per_s < 1e12
    assert 1e-6 < preset.alpha_s < 1e-4
    assert not preset_link(preset).is_measured
