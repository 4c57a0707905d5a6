"""A run that fails late keeps what it measured, and its error says where."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ray_bench.analysis.groups import valid_runs
from ray_bench.store import ResultsStore
from ray_bench.store.live import read_live
from tests import dying

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]


def test_blocks_of_both_ranks_are_kept_when_one_is_killed_or_raises(tmp_path):
    arguments = [
        "workload=tests.dying:Dying", "world_sizes=[2]", "seeds=[0,1]", "steps=200",
        "cpus_per_worker=0.5", "measure.warmup_s=0.5", "measure.block_s=0.1",
        "measure.sentinel=false", "launch.timeout_s=60", "--results", str(tmp_path),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "ray_bench", "run", *arguments],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    store = ResultsStore(tmp_path)
    results = store.read()
    by_seed = {run.point.seed: run for run in results.runs}
    killed, raised = by_seed[dying.KILLED], by_seed[dying.RAISES]
    assert (killed.status, killed.error_type, killed.error_rank) == ("failed", "WorkerDied", 1), (
        done.stderr
    )
    assert (raised.error_type, raised.error_rank) == ("OddError", 1)
    assert raised.error_message == "the last rank gives up"
    assert "in loss_fn" in raised.error_traceback
    assert raised.error_traceback.endswith("OddError: the last rank gives up")
    blocks = results.blocks
    for run in (killed, raised):
        for rank in range(2):
            mine = (blocks["run_id"] == run.run_id) & (blocks["rank"] == rank)
            steps = blocks["num_steps"][mine]
            # The last block that began had not ended; nothing else is missing.
            assert dying.DIES_AT_STEP - 4 <= steps.sum() < dying.DIES_AT_STEP, done.stderr
            assert sorted(blocks["block"][mine]) == list(range(len(steps)))
        assert dying.DIES_AT_STEP - 4 <= run.num_steps < dying.DIES_AT_STEP
        assert run.throughput_samples_per_s is None
    assert valid_runs(results) == ()
    state = read_live(store, results.sweep.sweep_id)
    assert (state["state"], state["num_failed"], state["runs"]) == ("finished", 2, [])
