"""A rank that is lost in a pass after the training takes nothing of the timed run with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ray_bench.analysis.groups import valid_runs
from ray_bench.store import ResultsStore
from tests import dying_late

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]


def test_killed_raising_or_standing_still_in_a_pass_the_run_stays(tmp_path):
    arguments = [
        "workload=tests.dying_late:DyingLate", "world_sizes=[2]", "seeds=[0,1,2]", "steps=60",
        "evaluation.every=1",
        "cpus_per_worker=0.5", "measure.warmup_s=0", "measure.block_s=0.05",
        "measure.sentinel=false", "launch.timeout_s=10", "--results", str(tmp_path),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "ray_bench", "run", *arguments],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = ResultsStore(tmp_path).read()
    assert len(valid_runs(results)) == 3, done.stderr
    by_seed = {run.point.seed: run for run in results.runs}
    lost = {
        seed: [(x.part, x.rank, x.error_type) for x in results.failures if x.run_id == run.run_id]
        for seed, run in by_seed.items()
    }
    for seed, run in by_seed.items():
        assert run.throughput_samples_per_s > 0
        assert run.final_val_accuracy_frac is not None
        flag = "phases_failed" if seed == dying_late.RAISES else "passes_failed"
        assert flag in run.flags, (run.flags, done.stderr)
    assert ("passes", 1, "WorkerDied") in lost[dying_late.KILLED]
    assert lost[dying_late.RAISES] == [("phases", 1, "ValueError")]
    # The other passes of that run are whole.
    assert by_seed[dying_late.RAISES].checkpoint_s > 0
    assert ("passes", 1, "RanksMissing") in lost[dying_late.HANGS]
