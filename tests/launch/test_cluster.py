"""Sweeps and jobs on a real Ray head with token authentication."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ray_bench.store.results_store import ResultsStore
from tests import faulty
from tests.launch.head import RAY, Head

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]


def ray_bench(head: Head, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ray_bench", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=head.environment | environment,
        timeout=800,
        check=False,
    )


def submit(head: Head, *entrypoint: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RAY, "job", "submit", "--working-dir", ".", "--", sys.executable, *entrypoint],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=head.environment,
        timeout=800,
        check=False,
    )


def test_a_submitted_sweep_leaves_results_and_exits_zero(head, tmp_path):
    done = submit(
        head, "jobs/sweep.py", "--results", str(tmp_path), "workload=cnn-digits", "epochs=1",
        "world_sizes=[1,2]",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    results = ResultsStore(tmp_path).read()
    assert {run.point.world_size for run in results.ok_runs} == {1, 2}
    assert json.loads((tmp_path / "report.json").read_text())
    assert all(run.throughput_samples_per_s > 0 for run in results.runs)
    environment = next(iter(results.environments.values()))
    assert environment.niceness == 0


def test_a_submitted_sweep_that_fails_exits_non_zero(head, tmp_path):
    done = submit(head, "jobs/sweep.py", "--results", str(tmp_path), "workload=cnn-dgits")
    assert done.returncode == 1
    assert "cnn-digits" in done.stdout + done.stderr


def test_a_relative_results_path_is_refused_in_a_job(head):
    done = submit(head, "jobs/sweep.py", "--results", "out", "workload=cnn-digits")
    assert done.returncode == 1
    assert "give an absolute path" in done.stdout + done.stderr


def test_a_wrong_token_is_an_error_with_a_remedy(head, tmp_path):
    done = ray_bench(
        head, "run", "workload=cnn-digits", "--address", head.gcs, "--results", str(tmp_path),
        RAY_AUTH_TOKEN="0" * 64,
    )  # fmt: skip
    assert done.returncode == 1
    assert "RAY_AUTH_MODE=token" in done.stderr


def test_more_workers_than_the_cluster_can_give_are_refused(head, tmp_path):
    done = ray_bench(
        head, "run", "workload=cnn-digits", "world_sizes=[16]", "--address", head.gcs,
        "--results", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    assert "needs 16 CPUs and the cluster can give 2" in done.stderr


@pytest.mark.parametrize("shares_workers", ["false", pytest.param("true", marks=pytest.mark.slow)])
def test_a_failing_run_is_recorded_with_its_cause_and_the_others_finish(
    head, tmp_path, shares_workers
):
    command = (
        "run", "workload=tests.faulty:Faulty", "world_sizes=[2]", "seeds=[1,2,3,4,0]", "epochs=1",
        f"launch.share_workers={shares_workers}", "launch.timeout_s=60", "--address", head.gcs,
        "--results", str(tmp_path),
    )  # fmt: skip
    done = ray_bench(head, *command)
    assert done.returncode == 1, done.stdout + done.stderr
    by_seed = {run.point.seed: run for run in ResultsStore(tmp_path).read().runs}
    assert by_seed[faulty.FINE].status == "ok"
    raised = by_seed[faulty.RAISES_ON_RANK_ONE]
    assert (raised.status, raised.error_type, raised.error_rank) == ("failed", "ValueError", 1)
    assert "does not like its data" in raised.error_message
    assert by_seed[faulty.NAN_LOSS].error_type == "NonFiniteLossError"
    assert by_seed[faulty.OUT_OF_MEMORY].error_type == "OutOfMemory"
    killed = by_seed[faulty.KILLED]
    assert (killed.status, killed.error_type) == ("failed", "WorkerDied")
    assert killed.error_rank == 1
