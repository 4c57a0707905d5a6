"""What must be noticed in a sweep that went through faults."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ray_bench.store import ResultsStore
from tests.cluster.chaos import Hit, Story
from tests.cluster.chaos_driver import Invocation
from tests.cluster.chaos_faults import FAULTS, drawn
from tests.cluster.chaos_left import Left
from tests.cluster.chaos_verdict import Verdict, as_markdown, judge
from tests.samples import START, make_data, make_point, make_sweep

NOTHING = Left((), (), 0, (), (), free_cpus=4, total_cpus=4)
START_S = START.timestamp()


def verdict(tmp_path, *runs: dict, left: Left = NOTHING, hits: tuple[Hit, ...] = ()) -> Verdict:
    store = ResultsStore(tmp_path)
    store.write_sweep(make_sweep(run_ids=("a", "b")))
    for run in runs:
        store.write_run(make_data(with_tables=False, **run))
    calls = [Invocation(began_s=START_S, ended_s=START_S + 100, code=0)]
    return judge(Story(1, hits, calls, left, command=""), tmp_path)


def test_all_runs_once_is_well(tmp_path):
    found = verdict(
        tmp_path, {"run_id": "a", "status": "failed"}, {"run_id": "a", "attempt": 2},
        {"run_id": "b", "flags": ("stalled",)}, {"run_id": "b", "attempt": 2},
    )  # fmt: skip
    assert found.complaints == []
    assert "| attempts kept | 3 ok, 1 failed |" in as_markdown(found)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ([], "missing: b"),
        ([{"run_id": "b", "status": "failed"}], "missing: b"),
        ([{"run_id": "b", "flags": ("stalled",)}], "missing: b"),
        ([{"run_id": "b"}, {"run_id": "b", "attempt": 2}], "made twice: b"),
        ([{"run_id": "b"}, {"run_id": "c"}], "invented: c"),
    ],
)
def test_what_is_missing_twice_or_invented_is_said(tmp_path, more, complaint):
    assert complaint in verdict(tmp_path, {"run_id": "a"}, *more).complaints


@pytest.mark.parametrize(
    ("nodes", "flags", "said"),
    [
        ("ab", (), []),
        ("aa", (), ["measured on one host as spread: b"]),
        ("aa", ("placement_differs",), ["missing: b"]),
    ],
)
def test_a_run_that_was_not_spread_is_said(tmp_path, nodes, flags, said):
    point = make_point(placement="spread")
    spread = {"run_id": "b", "point": point, "rank_node_ids": tuple(nodes), "flags": flags}
    found = verdict(tmp_path, {"run_id": "a"}, spread)
    assert [x for x in said if x not in found.complaints] == []
    assert bool(said) is bool(found.complaints)


def test_what_is_left_is_said(tmp_path):
    left = Left(("host 1: ray::X",), ("Inbox",), 2, ("ray_bench-x",), (), 1, 4)
    found = verdict(tmp_path, {"run_id": "a"}, {"run_id": "b"}, left=left)
    assert found.complaints == [
        "processes left: host 1: ray::X",
        "actors left: Inbox",
        "placement groups left: 2",
        "scratch folders left: ray_bench-x",
        "1 of 4 CPUs are free",
    ]


@pytest.mark.parametrize(("speed", "is_said"), [(90.0, False), (70.0, True)])
def test_a_run_that_a_fault_made_slow_without_a_word_is_said(tmp_path, speed, is_said):
    later = START + timedelta(seconds=60)
    hit = Hit("a fault", START_S + 65, START_S + 65, START_S + 66, "x")
    met = {"run_id": "b", "started_at_utc": later, "throughput_samples_per_s": speed}
    alone = {"run_id": "a", "throughput_samples_per_s": 100.0}
    found = verdict(tmp_path, alone, met, hits=(hit,))
    assert bool(found.complaints) is is_said
    assert f"ok at {speed:.0f}% of the usual speed" in as_markdown(found)


def test_a_seed_always_draws_the_same_faults():
    assert drawn(5, 10) == drawn(5, 10) != drawn(6, 10)
    assert len(set(drawn(5, 10))) == 10
    assert set(drawn(5, len(FAULTS))) == set(FAULTS)
