"""Faults on two hosts: the cause by name, the next run soon, nothing left; `benchmarks/faults.py`
plays all of them."""

from __future__ import annotations

import pytest

from benchmarks.faults import FAULTS
from tests.cluster.lab import Lab

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def lab(make_lab):
    with make_lab(2) as running:
        yield running


def test_what_no_host_can_hold_leaves_no_sweep(lab: Lab):
    played = FAULTS["infeasible"](lab)
    assert (played.runs, played.code, played.left) == ((), 1, "nothing")
    assert "the cluster can give 2" in played.output
    assert lab.network.address(2) in played.output


def test_a_stopped_rank_is_named_and_the_next_run_is_fine(lab: Lab):
    played = FAULTS["stops"](lab)
    first, second = played.runs
    assert (first.error_type, first.error_rank, second.status) == ("RanksMissing", 1, "ok")
    assert "launch.timeout_s=10" in (first.error_message or "")
    assert played.left == "nothing"


def test_sigterm_keeps_what_there_is_and_leaves_no_actor(lab: Lab):
    played = FAULTS["sigterm"](lab)
    assert played.code == 130
    assert [run.status for run in played.runs] == ["interrupted"]
    assert "--resume" in played.output
    assert played.left == "nothing"


def test_a_lost_host_is_named_and_no_run_waits_for_it(lab: Lab):
    played = FAULTS["host"](lab)
    assert [run.error_type for run in played.runs] == ["HostLost", "HostLost"]
    assert all(lab.network.address(2) in (run.error_message or "") for run in played.runs)
    assert played.left == "nothing"
