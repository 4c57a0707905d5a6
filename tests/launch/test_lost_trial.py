"""A sweep whose trial is killed goes on with the next run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

import psutil
import pytest

from ray_bench.launch.tuned.workers import PatientWorker
from ray_bench.store.results_store import ResultsStore

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def test_a_sweep_goes_on_after_its_trial_was_killed_while_workers_started(tmp_path):
    arguments = ["workload=cnn-digits", "epochs=1", "world_sizes=[1]", "repeats=2"]
    # The group of workers takes the machine: the next run starves if it is not given back.
    arguments += [f"cpus_per_worker={os.cpu_count()}", "--results", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "ray_bench", "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as sweep:
        family = psutil.Process(sweep.pid)
        wait_for(family, f"ray::{PatientWorker.__name__}")
        wait_for(family, "ray::ImplicitFunc").kill()
        try:
            output = sweep.communicate(timeout=200)[0]
        finally:
            sweep.terminate()
    first, second = sorted(ResultsStore(tmp_path).read().runs, key=lambda run: run.order_index)
    assert (first.status, first.error_type) == ("failed", "WorkerDied"), output
    assert "died" in (first.error_message or "")
    assert second.status == "ok", output


def wait_for(family: psutil.Process, name: str) -> psutil.Process:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        for process in family.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if name in " ".join(process.cmdline()):
                    return process
        time.sleep(0.02)
    raise AssertionError(f"no {name}")
