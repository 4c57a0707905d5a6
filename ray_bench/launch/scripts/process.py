"""A script as a process beside a Ray worker: started, heard, ended with all it has started."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import site
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

import ray_bench
from ray_bench.config.schema import SweepConfig
from ray_bench.config.script import module_of, words
from ray_bench.config.script_grid import values_of
from ray_bench.launch.scripts.guard import GRACE_S
from ray_bench.launch.scripts.output import Output
from ray_bench.records import Point

_GUARD = Path(__file__).with_name("guard.py")
#: After the end of the guard's own patience.
_JOIN_S = 5.0


@final
class ScriptProcess:
    """One rank of a script.

    Args:
        command: The whole command.
        environment: All of it.
        folder: Where it is started.

    Attributes:
        output: What it writes, to both streams.
    """

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: str
    ) -> None:
        self.output = Output()
        self._code: int | None = None
        self._status, theirs = os.pipe()
        # It makes the guard, and ends at once.
        self._starter = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD), str(theirs), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
            pass_fds=(theirs,),
        )
        os.close(theirs)
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        self._words, self._written = self._starter.stdin, self._starter.stdout
        number = self._written.fileno()
        self._reader = threading.Thread(target=self.output.read, args=(number,), daemon=True)
        self._reader.start()
        self._starter.wait()

    def wait(self, limit_s: float) -> int | None:
        """Return its exit code, below 0 for a signal; None where it still runs after so long."""
        if self._code is None:
            if not select.select([self._status], [], [], limit_s)[0]:
                return None
            # A guard that says nothing was killed, and the script with it.
            self._code = int(os.read(self._status, 16) or -signal.SIGKILL)
            self._reader.join(_JOIN_S)
        return self._code

    def end(self) -> None:
        """Ask it to end; what is left after some seconds is killed."""
        self._say(b"t")

    def say_where(self) -> None:
        """Let Python print where every thread is, and end."""
        self._say(b"a")

    def close(self) -> None:
        """Leave nothing of it."""
        with contextlib.suppress(OSError):
            self._words.close()
        self.wait(2 * GRACE_S + _JOIN_S)
        if not self._reader.is_alive():
            self._written.close()
        os.close(self._status)

    def _say(self, word: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
            self._words.write(word)
            self._words.flush()


def command_of(config: SweepConfig, point: Point, *, folder: str, run_dir: str) -> list[str]:
    """Return the command of a rank.

    Args:
        config: Names a script.
        point: What is filled in.
        folder: For what the rank measures.
        run_dir: For what the script writes.
    """
    script = config.script or ""
    module = module_of(script)
    measure = config.measure
    options = ["--quiet", "--results", folder, "--warmup-steps", str(measure.warmup_steps)]
    options += ["--warmup-s", f"{measure.warmup_s!r}", "--block-s", f"{measure.block_s!r}"]
    if config.steps is not None and not config.until_end:
        options += ["--steps", str(config.steps), "--phase-steps", str(measure.phase_steps)]
    target = [script] if module is None else ["-m", module]
    arguments = words(config.args, values_of(config, point, run_dir))
    return [sys.executable, "-m", "ray_bench.attach", *options, *target, *arguments]


def environment_of(own: Mapping[str, str], base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return a rank's environment.

    Args:
        own: Its rank, world size and meeting place.
        base: The worker's environment, which has `launch.env`.
    """
    kept = dict(base)
    # Where it is killed for standing still, it says where.
    kept.setdefault("PYTHONFAULTHANDLER", "1")
    home = str(Path(ray_bench.__file__).parents[1])
    if home not in site.getsitepackages():
        paths = [x for x in kept.get("PYTHONPATH", "").split(os.pathsep) if x]
        kept["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*paths, home]))
    return {**kept, **own}
