"""What a killed sweep leaves in the temporary folder goes with the next one, and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile

from ray_bench.launch.scratch import scratch_folder

HOLD = """
import time
from ray_bench.launch.scratch import scratch_folder
with scratch_folder() as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_folders_of_the_dead_are_removed_and_those_of_the_living_are_not(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "ray_bench-of-somebody-else").mkdir()
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = other.stdout.readline().strip().rpartition("/")[2]
        with scratch_folder() as ours:
            names = {path.name for path in tmp_path.iterdir()}
            assert {theirs, ours.rpartition("/")[2], "ray_bench-of-somebody-else"} == names
        other.send_signal(signal.SIGKILL)
        other.wait()
    with scratch_folder():
        assert not (tmp_path / theirs).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["ray_bench-of-somebody-else"]
