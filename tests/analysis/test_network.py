"""Alpha, beta, bandwidths and intervals of an all-reduce sweep with a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_bench.analysis.network import near, network_study
from ray_bench.stats.means import median_estimate
from tests.network_samples import SIZES_BYTES, network_columns, ring_s


def ring_of(columns):
    return network_study(columns).links[0].ring


@given(
    alpha=st.floats(1e-7, 1e-3),
    beta=st.floats(1e-12, 1e-7),
    sizes=st.sets(st.integers(2, 64), min_size=1, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_without_noise_alpha_and_beta_are_found(alpha, beta, sizes):
    ring = ring_of(network_columns(sorted(sizes), alpha=alpha, beta=beta, noise=0))
    assert ring.fixed_s.value == pytest.approx(alpha, rel=1e-5)
    assert ring.s_per_byte.value == pytest.approx(beta, rel=1e-5)
    assert ring.worst_residual_frac < 1e-6


@pytest.mark.parametrize("sizes", [(2,), (2, 4, 8)])
def test_intervals_cover_the_truth(sizes):
    """Nominal 95 %; one world size has few points, and few samples of the largest sizes."""
    hits = np.zeros(2)
    for seed in range(300):
        ring = ring_of(network_columns(sizes, seed=seed))
        hits += [ring.fixed_s.contains(2e-5), ring.s_per_byte.contains(1e-9)]
    assert all(0.92 <= share <= 0.99 for share in hits / 300), hits / 300


def test_the_line_of_one_world_size_is_the_rings_terms():
    group = network_study(network_columns((4,), noise=0)).links[0].groups[0]
    assert group.line.fixed_s.value == pytest.approx(2 * 3 * 2e-5)
    assert group.line.s_per_byte.value == pytest.approx(2 * 3 / 4 * 1e-9)


def test_bandwidths_and_latency():
    group = network_study(network_columns((4,), noise=0)).links[0].groups[0]
    largest = group.rows[-1]
    seconds = ring_s(4, largest.num_bytes)
    assert group.latency_s.value == pytest.approx(ring_s(4, 4))
    assert largest.algorithm_bytes_per_s.value == pytest.approx(largest.num_bytes / seconds)
    assert largest.bus_bytes_per_s.value == pytest.approx(1.5 * largest.num_bytes / seconds)


def test_alpha_and_beta_near_a_size_are_not_those_of_a_network_that_lets_small_ones_through():
    columns = network_columns((2, 4), alpha=0, beta=1e-8, noise=0)
    small = columns["num_bytes"] <= 2**18
    columns["duration_s"] = np.where(small, columns["duration_s"] / 10, columns["duration_s"])
    (link,) = network_study(columns).links
    assert link.ring.s_per_byte.value != pytest.approx(1e-8, rel=0.05)
    close = near(link, [2**22])
    assert close.ring.s_per_byte.value == pytest.approx(1e-8, rel=1e-6)
    assert [row.num_bytes for row in close.groups[0].rows] == [2**20, 2**22, 2**24]


def test_where_too_few_sizes_are_near_all_of_them_count():
    (link,) = network_study(network_columns((2, 4))).links
    assert near(link, [2**40]) == link


def test_links_within_a_node_and_between_nodes_are_kept_apart():
    near = network_columns((2, 4), alpha=1e-6, beta=1e-11)
    far = network_columns((2, 16), alpha=1e-4, beta=1e-8, num_nodes=2)
    both = {name: np.concatenate([near[name], far[name]]) for name in near}
    first, second = network_study(both).links
    assert (first.is_inter_node, second.is_inter_node) == (False, True)
    assert [group.world_size for group in second.groups] == [2, 16]
    assert first.ring.fixed_s.value == pytest.approx(1e-6, rel=0.1)
    assert second.ring.fixed_s.value == pytest.approx(1e-4, rel=0.1)


def test_sizes_that_the_model_misses_widen_its_intervals_and_are_named():
    columns = network_columns((2, 4), noise=0.01)
    slow = (columns["num_bytes"] == 2**16) & (columns["world_size"] == 4)
    bent = {**columns, "duration_s": columns["duration_s"] * np.where(slow, 5.0, 1.0)}
    straight, ring = ring_of(columns), ring_of(bent)
    assert not straight.is_poor
    assert ring.is_poor
    assert (ring.worst_num_bytes, ring.worst_world_size) == (2**16, 4)
    width, before = (fit.fixed_s.high - fit.fixed_s.low for fit in (ring, straight))
    assert width > 5 * before


def test_no_rows_no_study():
    assert network_study({}) is None
    assert network_study(network_columns(())) is None


def test_two_buffer_sizes_are_too_few_for_a_fit():
    columns = network_columns((2,))
    few = columns["num_bytes"] <= SIZES_BYTES[1]
    link = network_study({name: column[few] for name, column in columns.items()}).links[0]
    assert link.ring is None
    assert link.groups[0].line is None


def test_a_median_has_an_interval_from_six_samples_on():
    assert median_estimate([3.0, 1.0, 2.0, 5.0, 4.0]).low is None
    six = median_estimate([3.0, 1.0, 2.0, 5.0, 4.0, 6.0])
    assert (six.value, six.low, six.high) == (3.5, 1.0, 6.0)
    hundred = median_estimate(np.arange(1.0, 101.0))  # the 40th and the 61st, from tables
    assert (hundred.low, hundred.high) == (40.0, 61.0)
