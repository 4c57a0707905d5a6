"""Nobody reads the output any more: the command finishes what it does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ray_bench.store import ResultsStore

CODE = """
import sys
from types import ModuleType
from tests.samples import data_of
def run_sweep(config, planned, *, sweep_id, attempts, address, listener, more=None):
    listener.joined()
    for run in planned:
        listener.run_started(run)
        listener.note("a note")
        listener.run_finished(data_of(run, sweep_id, with_tables=False))
module = ModuleType("ray_bench.launch.sweep")
module.run_sweep = run_sweep
sys.modules["ray_bench.launch.sweep"] = module
from ray_bench.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("closed", ["stdout", "stderr", "both"])
def test_a_closed_pipe_ends_no_sweep(tmp_path, closed):
    reading, writing = os.pipe()
    os.close(reading)
    kept = subprocess.DEVNULL
    ask = ["run", "workload=cnn-digits", "world_sizes=[1]", "epochs=1", "--results", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *ask],
        stdout=kept if closed == "stderr" else writing,
        stderr=kept if closed == "stdout" else writing,
        check=False,
        timeout=120,
    )
    os.close(writing)
    assert done.returncode == 0
    assert len(ResultsStore(tmp_path).read().ok_runs) == 1
    assert (tmp_path / "report.md").exists()
    assert (tmp_path / "report.json").exists()
