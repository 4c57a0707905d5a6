"""Clocks of two hosts are put on one by ping-pong."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ray_bench.measure.offsets import offset_ns

TRIP = st.tuples(st.integers(0, 10**12), st.integers(1, 10**6), st.integers(1, 10**6))


@given(st.lists(TRIP, min_size=1, max_size=12), st.integers(-(10**15), 10**15))
def test_the_error_is_at_most_half_the_shortest_round_trip(trips, offset):
    """A message leaves at `start` by the clock of rank 0; `there` and `back` are its ways."""
    stamps = [
        (start + offset, start + there, start + there + back + offset)
        for start, there, back in trips
    ]
    shortest = min(there + back for _, there, back in trips)
    assert abs(offset_ns(stamps) - offset) <= shortest / 2 + 1 or offset_ns(stamps) == 0
    if abs(offset) > shortest:
        assert abs(offset_ns(stamps) - offset) <= shortest / 2 + 1


@given(st.lists(TRIP, min_size=1, max_size=12))
def test_ranks_with_one_clock_have_no_offset(trips):
    assert (
        offset_ns((start, start + there, start + there + back) for start, there, back in trips) == 0
    )
