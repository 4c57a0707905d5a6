"""A sweep with rates that learn, one that learns nothing and one that explodes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ray_bench.store import ResultsStore

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(700)]

GOOD, STUCK, EXPLODING = "power:0", "power:0.82", "power:1.2"


def test_what_has_no_hope_is_stopped_and_what_explodes_has_diverged(tmp_path):
    arguments = [
        "workload=cnn-digits", "world_sizes=[1]", "batch_size=32", "lr=0.02",
        "optimizer.base_batch_size=1", f'lr_rules=["{GOOD}","{STUCK}","{EXPLODING}"]',
        "seeds=[0,1]", "epochs=4", "stop.hopeless=true", "launch.share_workers=true",
        "measure.phase_steps=0", "measure.sync_pairs=0", "measure.noise_steps=0",
        "--results", str(tmp_path),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "ray_bench", "run", *arguments],
        capture_output=True,
        text=True,
        timeout=680,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = ResultsStore(tmp_path).read()
    found = {(run.point.lr_rule, run.point.seed): run for run in results.runs}
    status = {key: run.status for key, run in found.items()}
    assert status == {
        **{(GOOD, seed): "ok" for seed in (0, 1)},
        (STUCK, 0): "stopped",
        (STUCK, 1): "diverged",  # the same rate, another start
        **{(EXPLODING, seed): "diverged" for seed in (0, 1)},
    }, done.stderr
    assert "(stop.hopeless=true)" in found[STUCK, 0].error_message
    stopped = results.epochs["run_id"] == found[STUCK, 0].run_id
    assert results.epochs["epoch"][stopped].tolist() == [1, 2]  # what it was is kept
