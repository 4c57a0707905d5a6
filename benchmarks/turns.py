"""Arms in processes of their own that take turns, so that one of them computes at a time.

A referee starts each arm, waits until all its ranks are warm, and then grants turns. Whoever does
not have the turn is stopped (SIGSTOP) with all its processes: no arm pays for the other's
background work, Ray's daemons are Ray's to pay for. Turns of a second cancel a drift of the machine
that fresh launches would put into the ratio.

The ranks talk to the referee over a socket in a folder of its own, one JSON object a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import psutil

from benchmarks.common import ROOT, turn_order
from benchmarks.player import Lines, Stopped

START_LIMIT_S = 300.0
ANSWER_LIMIT_S = 24 * 3600.0
#: Between waking an arm and its turn: what had piled up in its daemons is done by then.
SETTLE_S = 0.05
END_LIMIT_S = 30.0
#: An arm is quiet when it uses less than this share of a core for so long; it has so long for that.
#: Idle, Ray's processes use an eighth of a core; while its actors import, a third and more.
QUIET_FRAC = 0.2
QUIET_WINDOW_S = 3.0
QUIET_LIMIT_S = 60.0


class ArmFailed(RuntimeError):  # noqa: N818
    """An arm died or hung; the message holds the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSpec:
    """How an arm is started: `command` gets the path of its job file as its last argument."""

    name: str
    command: Sequence[str]
    num_ranks: int
    job: Mapping[str, Any]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one turn of an arm took; seconds are those of its slowest rank."""

    num_steps: int
    seconds: float

    @property
    def step_s(self) -> float:
        """Seconds per step."""
        return self.seconds / self.num_steps


@final
class Arm:
    """The processes of one arm while they live."""

    def __init__(self, spec: ArmSpec, folder: Path) -> None:
        self.spec = spec
        self.steps = 1  # of its next turn
        self.peak_memory_bytes = 0
        self.started_at_s = 0.0
        self.stamps: dict[int, dict[str, float]] = {}
        self._log = folder / f"{spec.name}.log"
        self._folder = folder
        self._peers: list[Lines] = []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until every rank has made its first step."""
        address = self._folder / f"{self.spec.name}.sock"
        job_file = self._folder / f"{self.spec.name}.json"
        job_file.write_text(json.dumps({**self.spec.job, "address": str(address)}))
        with socket.socket(socket.AF_UNIX) as server, self._log.open("wb") as log:
            server.bind(str(address))
            server.listen()
            self.started_at_s = time.time()
            self._process = subprocess.Popen(
                [*self.spec.command, str(job_file)],
                cwd=ROOT,
                env={**os.environ, **self.spec.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            deadline_s = time.monotonic() + START_LIMIT_S
            while len(self._peers) < self.spec.num_ranks:
                if select.select([server], [], [], 0.5)[0]:
                    self._peers.append(Lines(server.accept()[0]))
                else:
                    self._check(deadline_s)
        for peer in self._peers:
            message = self._receive(peer)
            self.stamps[message["hello"]] = {**message["stamps"], "first_step": time.time()}

    def wait_ready(self) -> None:
        """Wait until every rank is warm."""
        self.steps = max(self._receive(peer)["ready"] for peer in self._peers)

    def settle(self) -> None:
        """Wait until nothing of it computes: Ray's own actors still import when ranks are warm.

        Stopped with the arm, they would go on with that in its turns alone.
        """
        deadline_s = time.monotonic() + QUIET_LIMIT_S
        used_s = self._cpu_s()
        while time.monotonic() < deadline_s:
            time.sleep(QUIET_WINDOW_S)
            before_s, used_s = used_s, self._cpu_s()
            if used_s - before_s < QUIET_FRAC * QUIET_WINDOW_S:
                return

    def _cpu_s(self) -> float:
        total_s = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total_s += times.user + times.system
        return total_s

    def answer(self) -> dict[str, Any]:
        """Wait until a training without turns has ended; return what its first rank tells."""
        values: dict[str, Any] = self._receive(self._peers[0], ANSWER_LIMIT_S)["answer"]
        return values

    def turn(self, steps: int) -> Turn:
        """Let it compute for so many steps, or as many as it makes itself; others are stopped."""
        self.wake()
        time.sleep(SETTLE_S)
        self._grant(steps)
        answers = [self._receive(peer) for peer in self._peers]
        self.freeze()
        self.peak_memory_bytes = max(answer["memory"] for answer in answers)
        self.steps = answers[0]["steps"]
        return Turn(num_steps=self.steps, seconds=max(answer["seconds"] for answer in answers))

    def _grant(self, steps: int) -> None:
        for peer in self._peers:
            peer.source.sendall(json.dumps({"steps": steps}).encode() + b"\n")

    def freeze(self) -> None:
        """Stop all its processes where they are."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def finish(self) -> float:
        """Wait until it ends by itself; return the seconds since its start."""
        assert self._process is not None, "start comes before finish"
        code = self._process.wait(timeout=START_LIMIT_S)
        if code:
            raise ArmFailed(f"{self.spec.name} ended with code {code}:\n{self._log_tail()}")
        return time.time() - self.started_at_s

    def end(self) -> None:
        """Give no more turns and see that every process is gone."""
        if self._process is None:
            return
        self.wake()
        with contextlib.suppress(OSError):
            self._grant(0)
        family = self._family()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=END_LIMIT_S)
        left = [process for process in family if process.is_running()]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in psutil.wait_procs(left, timeout=5)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        for peer in self._peers:
            peer.source.close()

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None, "start comes first"
        try:
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _signal(self, number: signal.Signals) -> None:
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _receive(self, peer: Lines, limit_s: float = START_LIMIT_S) -> dict[str, Any]:
        deadline_s = time.monotonic() + limit_s
        try:
            while (message := peer.next_within(1.0)) is None:
                self._check(deadline_s)
        except Stopped:
            raise ArmFailed(f"{self.spec.name} hung up:\n{self._log_tail()}") from None
        return message

    def _check(self, deadline_s: float) -> None:
        assert self._process is not None, "start comes first"
        if self._process.poll() is not None:
            raise ArmFailed(f"{self.spec.name} ended too early:\n{self._log_tail()}")
        if time.monotonic() > deadline_s:
            raise ArmFailed(f"{self.spec.name} said nothing for too long:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-30:])


@contextlib.contextmanager
def arms_of(specs: Sequence[ArmSpec]) -> Iterator[list[Arm]]:
    """Make arms, not started yet; all their processes are gone afterwards, a SIGTERM included."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        arms = [Arm(spec, Path(folder)) for spec in specs]
        try:
            yield arms
        finally:
            for arm in arms:
                arm.end()
            signal.signal(signal.SIGTERM, before)


def play(arms: Sequence[Arm], num_rounds: int, seed: int) -> dict[str, list[Turn]]:
    """Start the arms, warm them up one after the other, and let them take turns.

    The first arm decides how many steps its turns have (its blocks); the others make as many.
    """
    by_name = {arm.spec.name: arm for arm in arms}
    for arm in arms:
        arm.start()
        arm.wait_ready()
        arm.settle()
        arm.freeze()
    turns: dict[str, list[Turn]] = {name: [] for name in by_name}
    for order in turn_order(list(by_name), num_rounds, seed):
        for name in order:
            turns[name].append(by_name[name].turn(arms[0].steps))
    return turns
