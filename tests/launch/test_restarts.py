"""A worker is killed in a sweep: the run goes on from Ray Train's last checkpoint, bit by bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ray_bench.store import ResultsStore
from tests.dying_once import DIES_IN_EPOCH

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1200)]

NUM_EPOCHS = 5


def sweep(folder, *words, **environment):
    arguments = [
        "workload=tests.dying_once:DyingOnce", "world_sizes=[2]", "repeats=2",
        f"epochs={NUM_EPOCHS}", "lr=0.05", "cpus_per_worker=0.5", "measure.warmup_s=0",
        "measure.block_s=0.05", "measure.sentinel=false", "measure.phase_steps=0",
        "measure.sync_pairs=0", f"checkpoint.dir={folder / 'kept'}", *words,
        "--results", str(folder / "results"),
    ]  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "ray_bench", "run", *arguments],
        env={**os.environ, "DYING_ONCE": str(folder / "trace"), **environment},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )


def results_of(folder):
    results = ResultsStore(folder / "results").read()
    epochs = results.epochs
    learned = {}
    for run in results.runs:
        mine = epochs["run_id"] == run.run_id
        names = ("epoch", "train_loss", "val_loss", "lr", "num_samples")
        learned[run.run_id] = [epochs[name][mine].tolist() for name in names]
    return sorted(results.runs, key=lambda run: run.order_index), learned


def test_a_killed_worker_is_replaced_and_the_losses_are_those_of_a_run_without_it(tmp_path):
    done = sweep(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "is started again, from its last checkpoint" in done.stderr
    (first, second), learned = results_of(tmp_path)
    assert [first.status, second.status] == ["ok", "ok"]
    assert "resumed" in first.flags
    assert "resumed" not in second.flags
    assert learned[first.run_id] == learned[second.run_id]  # bit by bit
    assert learned[first.run_id][0] == list(range(1, NUM_EPOCHS + 1))
    assert min(first.saving_s, second.saving_s) > 0
    for run in (first, second):
        (snapshot,) = (tmp_path / "kept").rglob(f"{run.run_id}/checkpoint_manager_snapshot.json")
        kept = json.loads(snapshot.read_text())
        metrics = [found["metrics"] for found in kept["checkpoint_results"]]
        best = max(metrics, key=lambda found: found["score"])
        assert best["score"] == run.best_val_accuracy_frac
        assert kept["latest_checkpoint_result"]["metrics"]["epoch"] == NUM_EPOCHS
        assert len(metrics) <= 2
        folders = [x for x in snapshot.parent.glob("checkpoint_*") if x.is_dir()]
        # Ray forgets a checkpoint whose worker died before the trainer had heard of it.
        assert len(folders) - len(metrics) in ((0, 1) if run is first else (0,))


def test_without_restarts_it_fails_and_resume_goes_on_from_there(tmp_path):
    words = ["checkpoint.restarts=0", "repeats=1"]
    failed = sweep(tmp_path, *words)
    assert failed.returncode != 0
    assert "WorkerDied" in failed.stderr + failed.stdout
    again = sweep(tmp_path, *words, "--resume")
    assert again.returncode == 0, again.stderr
    (run,), learned = results_of(tmp_path)
    assert (run.status, run.attempt) == ("ok", 2)
    assert "resumed" in run.flags
    assert len(learned[run.run_id][0]) == NUM_EPOCHS > DIES_IN_EPOCH
