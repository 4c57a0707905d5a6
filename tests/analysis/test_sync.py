"""Synchronisation: while buckets are under way, what is exposed, contention and latency."""

import numpy as np
import pytest

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.study import studies
from ray_bench.analysis.sync import busy_s, exposed_s, latency_frac
from tests.synthetic import Sync, synthetic


def only(**changes):
    (study,) = studies(synthetic(**changes))
    return study


def buckets(*spans, rank=0, step=0, num_bytes=None):
    start, end = np.array(spans, dtype=float).T
    count = len(spans)
    return {
        "rank": np.full(count, rank),
        "step": np.full(count, step),
        "bucket": np.arange(count),
        "num_bytes": np.asarray(num_bytes or [1] * count),
        "start_s": start,
        "end_s": end,
    }


def joined(*tables):
    return {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([(0, 1), (2, 3)], 2),
        ([(0, 2), (1, 3)], 3),
        ([(0, 4), (1, 2)], 4),
        ([(1, 2), (0, 1)], 2),
    ],
)
def test_time_with_several_buckets_under_way_counts_once(spans, seconds):
    assert busy_s(buckets(*spans)) == pytest.approx(seconds)


def test_steps_and_ranks_are_averaged_and_never_joined():
    table = joined(buckets((0, 1)), buckets((0, 3), rank=1), buckets((0, 2), step=1))
    assert busy_s(table) == pytest.approx(2)


def test_exposed_is_skew_and_transfer_of_every_step():
    table = {
        "rank": np.array([0, 0, 0, 1, 1, 1]),
        "step": np.zeros(6, dtype=int),
        "phase": np.array(["skew_wait", "exposed_comm", "forward"] * 2, dtype=object),
        "duration_s": np.array([1.0, 2.0, 9.0, 0.0, 2.0, 9.0]),
    }
    assert exposed_s(table).tolist() == [2.5]


@pytest.mark.parametrize(
    ("latency_s", "s_per_byte", "share"), [(0, 1e-9, 0), (1e-3, 0, 1), (1e-3, 1e-9, 0.5)]
)
def test_the_part_of_a_message_that_does_not_depend_on_its_size(latency_s, s_per_byte, share):
    """Buckets that queue behind each other, ready at once, of 0.5, 1 and 1.5 MB."""
    num_bytes = [500_000, 1_000_000, 1_500_000]
    end = np.cumsum([latency_s + n * s_per_byte for n in num_bytes])
    table = buckets(*((0, x) for x in end), num_bytes=num_bytes)
    late = buckets(*((-1, x) for x in end), num_bytes=num_bytes, rank=1)  # was ready earlier
    assert latency_frac([joined(table, late)]) == pytest.approx(share, abs=1e-6)


def test_buckets_of_one_size_do_not_tell_latency_from_bandwidth():
    assert latency_frac([buckets((0, 1), (1, 2), num_bytes=[4096, 4096])]) is None


def test_planted_contention_is_found_with_an_interval():
    study = only(world_sizes=(1, 2), sync=Sync(contention_s=0.004))
    (sync,) = study.syncs
    assert sync.world_size == 2
    assert sync.contention.value == pytest.approx(0.004, rel=0.02)
    assert sync.contention.contains(0.004)
    assert sync.is_contention_seen


def test_no_contention_is_not_seen_and_not_clamped():
    (sync,) = only(world_sizes=(1, 2), noise=0, sync=Sync(contention_s=-0.001)).syncs
    assert sync.contention.value == pytest.approx(-0.001, rel=0.1)
    assert not sync.is_contention_seen


def test_one_run_takes_the_interval_from_its_pairs():
    (sync,) = only(world_sizes=(1, 2), repeats=1, sync=Sync(contention_s=0.004)).syncs
    assert sync.contention.low < sync.contention.value < sync.contention.high


def test_hidden_share():
    (sync,) = only(world_sizes=(1, 2), noise=0, sync=Sync(s_per_byte=1e-8)).syncs
    exposed = sync.exposed.value
    assert sync.hidden_frac == pytest.approx(1 - exposed / sync.total.value)


def test_without_ddp_there_is_no_synchronisation():
    assert only(world_sizes=(1,)).syncs == ()
    study = only(world_sizes=(1, 2))
    assert study.syncs[0].total is None
    assert study.syncs[0].contention is None
    assert study.phases[0].exposed is None
    assert split_by_run({}) == {}
