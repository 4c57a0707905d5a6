"""A host that is lost between two runs, and joined again before the sweep is resumed."""

from __future__ import annotations

import threading
import time

import pytest

from ray_bench.store import ResultsStore

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

SHORT = ("measure.phase_steps=0", "measure.sync_pairs=0", "measure.noise_steps=0")
SPREAD = ("workload=emulated", "world_sizes=[2]", "placements=[spread]", "repeats=2", "steps=30")


def test_spread_is_not_measured_on_the_host_that_is_left(make_lab, tmp_path):
    """The two CPUs of host 1 would do for both workers."""
    store = ResultsStore(tmp_path)
    arguments = ("run", *SPREAD, *SHORT, "--results", str(tmp_path))
    with make_lab(2) as lab:

        def kill_after_the_first() -> None:
            deadline_s = time.monotonic() + 200
            while time.monotonic() < deadline_s and not (store.sweeps() and store.read().runs):
                time.sleep(0.1)
            lab.kill(2)

        killer = threading.Thread(target=kill_after_the_first)
        killer.start()
        done = lab.ray_bench(*arguments)
        killer.join()
        assert done.returncode == 1, done.stderr
        (first,) = store.read().ok_runs
        (second,) = store.read().failed_runs
        assert f"Host {lab.network.address(2)}" in (second.error_message or "")
        assert "use --resume" in (second.error_message or "")
        lab.start(2)
        done = lab.ray_bench(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    for run in store.read().ok_runs:
        assert len(set(run.rank_node_ids or ())) == 2, run.flags
    assert first in store.read().runs
