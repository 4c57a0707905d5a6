"""Waiting for the slowest rank is told from transfer: hand-made stamps, in milliseconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.measure.skew import phase_records, skew_wait_ns
from ray_bench.measure.stamps import BucketStamps, StepStamps
from ray_bench.records import PHASES, BucketRecord, PhaseRecord

MS = 1_000_000


def step(
    ready: list[float], ends: list[float], *, begin: float = 10, start: float = 0
) -> StepStamps:
    """A step whose backward() is called at `begin` and computes until the last bucket is ready."""
    computed, returned = ready[-1], max(ready[-1], ends[-1])
    marks = [
        ("start", start),
        ("forward", begin),
        ("backward", computed),
        ("exposed_comm", returned),
        ("optimizer", returned + 5),
        ("other", returned + 6),
    ]
    return StepStamps(
        step=3,
        marks=tuple((phase, round(ms * MS)) for phase, ms in marks),
        buckets=tuple(
            BucketStamps(num_bytes=8, ready_ns=round(r * MS), end_ns=round(e * MS))
            for r, e in zip(ready, ends, strict=True)
        ),
    )


def skew_ms(*ranks: StepStamps) -> list[float]:
    return [skew_wait_ns(mine, ranks) / MS for mine in ranks]


def test_equal_ranks_wait_for_nobody():
    assert skew_ms(step([100], [130]), step([100], [130])) == [0, 0]


def test_the_wait_for_one_bucket_is_until_the_last_rank_is_ready():
    assert skew_ms(step([100], [180]), step([150], [180])) == [50, 0]


def test_what_is_reduced_while_the_straggler_computes_is_not_exposed_by_the_link():
    """One rank is half as fast; each bucket takes 10 ms. Among its like the other ends at 110."""
    fast = step([25, 50, 75, 100], [60, 110, 160, 210])
    slow = step([50, 100, 150, 200], [60, 110, 160, 210])
    assert skew_ms(fast, slow) == [100, 0]


def test_being_late_while_the_link_is_busy_delays_nobody():
    """The link is the bottleneck: 50 ms a bucket. The last bucket of one rank is 10 ms late."""
    ends = [75, 125, 175, 225]
    assert skew_ms(step([25, 50, 75, 100], ends), step([25, 50, 75, 110], ends)) == [0, 0]


def test_only_the_delay_that_the_link_does_not_hide_is_waiting():
    """As above, but 100 ms late: the link is idle from 175 to 200, and ends at 250 for 225."""
    fast = step([25, 50, 75, 100], [75, 125, 175, 250])
    late = step([25, 50, 75, 200], [75, 125, 175, 250])
    assert skew_ms(fast, late) == [25, 0]


def test_waiting_is_at_most_what_is_exposed():
    """The fast rank's buckets would have been hidden altogether; its optimizer waited 110 ms."""
    fast = step([10, 20, 100], [20, 30, 210])
    slow = step([10, 20, 205], [20, 30, 210])
    assert skew_ms(fast, slow)[0] == pytest.approx(105)
    assert skew_ms(fast, slow)[0] <= 110


def test_a_step_without_communication_has_no_skew():
    plain = StepStamps(step=0, marks=(("start", 0), ("backward", 5), ("other", 9)), buckets=())
    assert skew_wait_ns(plain, [plain]) == 0


TIMES = st.lists(st.floats(0, 100), min_size=3, max_size=3).map(sorted)


@given(st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=4))
def test_phases_add_up_to_the_step_whatever_the_stamps(ranks):
    steps = [step([10 + r for r in ready], [10 + e for e in ends]) for ready, ends in ranks]
    for rank, mine in enumerate(steps):
        records = list(phase_records(rank, steps, run_id="r"))
        phases = {r.phase: r.duration_s for r in records if isinstance(r, PhaseRecord)}
        assert set(phases) == set(PHASES)
        assert min(phases.values()) >= 0
        wall_s = (mine.marks[-1][1] - mine.marks[0][1]) * 1e-9
        assert sum(phases.values()) == pytest.approx(wall_s)


def test_buckets_are_on_the_clock_of_the_rank_that_began_first():
    early, late = step([100, 110], [120, 130]), step([105, 115], [120, 130], begin=30, start=20)
    records = [
        r for r in phase_records(1, [early, late], run_id="r") if isinstance(r, BucketRecord)
    ]
    assert [(r.rank, r.step, r.bucket, r.num_bytes) for r in records] == [
        (1, 3, 0, 8),
        (1, 3, 1, 8),
    ]
    assert [r.ready_s for r in records] == pytest.approx([0.075, 0.085])
    assert [r.start_s for r in records] == pytest.approx([0.105, 0.115])
    assert [r.end_s for r in records] == pytest.approx([0.120, 0.130])
