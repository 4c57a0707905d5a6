"""Starts a sweep, and resumes it whenever it ended before all its runs are there."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from ray_bench.errors import RayBenchError
from ray_bench.records import SweepRecord
from ray_bench.store import ResultsStore
from tests.cluster.lab import ROOT, Lab

#: What somebody needs to read the last words and to type the command.
PAUSE_S = 3.0
MAX_STARTS = 30


@dataclass
class Invocation:
    """One call of the program."""

    began_s: float  # Unix time
    ended_s: float | None = None
    code: int | None = None
    lines: list[tuple[float, str]] = field(default_factory=list)  # Unix time, what it said


@final
class Keeper(threading.Thread):
    """Does what a patient user does.

    Attributes:
        calls: Every invocation so far.
        error: What went wrong in this thread itself.
    """

    def __init__(self, lab: Lab, arguments: list[str], results: Path, scratch: Path) -> None:
        super().__init__(daemon=True)
        self.calls: list[Invocation] = []
        self.error: Exception | None = None
        self._lab = lab
        self._arguments = arguments
        self._store = ResultsStore(results)
        self._scratch = scratch
        self._process: subprocess.Popen[str] | None = None
        self._gives_up = threading.Event()

    @property
    def pid(self) -> int | None:
        """Of the program; None where it does not run."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def sweep(self) -> SweepRecord | None:
        """Return the sweep, once it is stored."""
        sweeps = self._store.sweeps()
        return sweeps[0] if sweeps else None

    def is_complete(self) -> bool:
        """Tell whether every run is there."""
        sweep = self.sweep()
        if sweep is None:
            return False
        return self._store.finished_run_ids(sweep.sweep_id) >= set(sweep.run_ids)

    def run(self) -> None:
        """Call the program until there is nothing left to do."""
        try:
            while not self.is_complete() and len(self.calls) < MAX_STARTS:
                self._call()
                if self._gives_up.wait(PAUSE_S):
                    return
        except (OSError, RayBenchError) as err:
            self.error = err

    def stop(self) -> None:
        """End the program, and start no other."""
        self._gives_up.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()

    def _call(self) -> None:
        more = [] if self.sweep() is None else ["--resume"]
        command = [sys.executable, "-u", "-m", "ray_bench", *self._arguments, *more]
        call = Invocation(began_s=time.time())
        self.calls.append(call)
        with subprocess.Popen(
            self._lab.network.inside(1, *command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self._lab.environment(1) | {"TMPDIR": str(self._scratch)},
            start_new_session=True,
        ) as process:
            self._process = process
            assert process.stderr is not None
            for line in process.stderr:
                call.lines.append((time.time(), line.rstrip()))
        call.ended_s, call.code = time.time(), process.returncode
