"""`ray-bench submit` to a real Ray head with token authentication."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ray_bench.store.results_store import ResultsStore
from tests.launch.head import Head

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]


def submitted(head: Head, folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """Start the command in a folder that holds nothing of ray_bench."""
    (folder / "laptop").mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "ray_bench", "submit", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder / "laptop",
        env=head.environment | {"PYTHONPATH": str(ROOT)} | environment,
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=400)
    return process.returncode, out, err


def test_a_sweep_runs_there_and_its_report_comes_here(head, tmp_path):
    code, out, err = finished(
        submitted(
            head, tmp_path, "workload=cnn-digits", "world_sizes=[2]", "epochs=1",
            "--results", str(tmp_path / "there"), "--report", "here",
        )
    )  # fmt: skip
    assert code == 0, out + err
    assert "Use " in out
    assert "ray-bench-parcel" not in out
    there = (tmp_path / "there" / "report.html").read_bytes()
    assert (tmp_path / "laptop" / "here" / "report.html").read_bytes() == there
    (run,) = ResultsStore(tmp_path / "there").read().ok_runs
    assert run.point.world_size == 2
    assert re.search(r": /\S+ -m ray_bench\.cli\.parcel run", out)  # the interpreter was found


def test_the_exit_code_is_the_programs_own(head, tmp_path):
    results = str(tmp_path / "there")
    words = ("workload=cnn-dgits", "--results", results)
    code, out, _ = finished(submitted(head, tmp_path, *words))
    assert code == 2  # `ray job submit` would say 1
    assert "did you mean 'cnn-digits'" in out


def test_a_job_that_is_asked_to_stop_ends_in_its_own_words(head, tmp_path):
    """Three seconds, Ray's default, would kill it before it has given its places back."""
    process = submitted(
        head, tmp_path, "workload=cnn-digits", "world_sizes=[2]", "epochs=100000",
        "--results", str(tmp_path / "there"),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list((tmp_path / "there").glob("sweeps/*")) and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(8)  # its workers start
    os.kill(process.pid, signal.SIGINT)
    code, out, err = finished(process)
    assert code == 130, out + err
    assert "Stopped: 0 of 1 runs are kept" in out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RAY_AUTH_TOKEN": "0" * 64}, "Invalid authentication token"),
        ({"RAY_AUTH_MODE": "disabled"}, "Missing authentication token"),
        ({"RAY_AUTH_TOKEN_PATH": "", "HOME": "/nowhere"}, "couldn't find an authentication token"),
    ],
    ids=["wrong", "not sent", "nowhere"],
)
def test_a_token_that_is_not_the_clusters_is_refused_with_the_remedy(
    head, tmp_path, changes, message
):
    words = ("demo", "--results", "/nowhere/results")
    code, out, err = finished(submitted(head, tmp_path, *words, **changes))
    assert code == 1, out + err
    assert message in err
    assert "RAY_AUTH_MODE=token here and its own token" in err
