"""Faults that one machine can do to a sweep on two hosts, each from outside of it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.cluster import restless
from tests.cluster.hosts import LabError
from tests.cluster.lab import Lab

#: Longer than Ray bears: it gives a host up after about a minute.
LONG_CUT_S = 80.0
_WAIT_S = 240.0
HOG = """
import sys, time, ray
ray.init(log_to_driver=False, logging_level=50)

@ray.remote(num_cpus=1)
def hold(seconds):
    time.sleep(seconds)

ray.get([hold.remote(float(sys.argv[1])) for _ in range(4)])
"""


class NothingToDoError(Exception):
    """The fault found nobody to harm."""


class Driver(Protocol):
    """The program that measures; it is started again when it ends too early."""

    @property
    def pid(self) -> int | None:
        """None between two of them."""


@dataclass
class Scene:
    """Where faults are played.

    Attributes:
        happened_s: Unix time at which the last one struck.
    """

    lab: Lab
    folder: Path  # where ranks say that they are there
    results: Path  # a small file system of its own
    driver: Driver
    random: random.Random
    happened_s: float = 0.0
    said: str = ""

    def struck(self, said: str) -> None:
        """Note the moment, and who was hit."""
        self.happened_s, self.said = time.time(), said

    def wait(self, least_s: float, most_s: float) -> float:
        """Let a drawn time pass; return it."""
        drawn_s = self.random.uniform(least_s, most_s)
        time.sleep(drawn_s)
        return drawn_s

    def ranks(self, *, since_s: float = 0.0) -> list[restless.Place]:
        """Return the ranks that train now, by rank."""
        found = [p for p in restless.places(self.folder) if p.is_training and p.is_alive]
        return sorted((p for p in found if p.since_s > since_s), key=lambda p: p.rank)

    def training(self, *, since_s: float = 0.0) -> list[restless.Place]:
        """Wait for a run that trains; return its ranks."""
        for _ in every(0.1):
            ranks = self.ranks(since_s=since_s)
            if ranks and len(ranks) == ranks[0].world_size:
                return ranks
        raise NothingToDoError("no run trained")

    def driver_pid(self) -> int:
        """Wait for a driver; return its process."""
        for _ in every(0.1):
            pid = self.driver.pid
            if pid is not None:
                return pid
        raise NothingToDoError("no driver ran")

    def join_again(self) -> None:
        """Let host 2 be a member again, as its owner would."""
        self.lab.kill(2)
        for _ in range(3):
            with contextlib.suppress(LabError, subprocess.TimeoutExpired):
                self.lab.start(2)
                return
            self.lab.kill(2)
        raise LabError("host 2 could not join again")


def every(pause_s: float, limit_s: float = _WAIT_S) -> Iterator[None]:
    """Yield now and then until it has lasted too long."""
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        yield
        time.sleep(pause_s)


def _rank(scene: Scene, number: signal.Signals, *, is_last: bool) -> restless.Place:
    scene.training()
    scene.wait(0.3, 3.0)
    ranks = scene.training()
    chosen = ranks[-1 if is_last else 0]
    scene.struck(f"rank {chosen.rank} of {chosen.world_size}")
    os.kill(chosen.pid, number)
    return chosen


def first_rank_killed(scene: Scene) -> None:
    _rank(scene, signal.SIGKILL, is_last=False)


def last_rank_killed(scene: Scene) -> None:
    _rank(scene, signal.SIGKILL, is_last=True)


def rank_stopped_for_a_while(scene: Scene) -> None:
    chosen = _rank(scene, signal.SIGSTOP, is_last=True)
    scene.said += f", {scene.wait(6.0, 12.0):.0f} s"
    with contextlib.suppress(ProcessLookupError):
        os.kill(chosen.pid, signal.SIGCONT)


def rank_stopped_for_good(scene: Scene) -> None:
    _rank(scene, signal.SIGSTOP, is_last=scene.random.random() < 0.5)


def trial_killed(scene: Scene) -> None:
    scene.training()
    scene.wait(0.3, 3.0)
    trials = [
        (host, pid)
        for host in scene.lab.hosts
        for pid in scene.lab.network.pids(host)
        if title(pid).startswith("ray::ImplicitFunc")
    ]
    if not trials:
        raise NothingToDoError("no trial was found")
    host, pid = trials[-1]
    scene.struck(f"{title(pid)} on host {host}")
    os.kill(pid, signal.SIGKILL)


def title(pid: int) -> str:
    """Return what a process calls itself."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return ""


def _ordered(harm: str, *, is_training: bool = True) -> Callable[[Scene], None]:
    def play(scene: Scene) -> None:
        if is_training:
            scene.training()
            scene.wait(0.3, 3.0)
        is_last = scene.random.random() < 0.5
        restless.order(scene.folder, harm, is_last=is_last, is_training=is_training)
        for _ in every(0.02):
            if not restless.is_ordered(scene.folder):
                scene.struck(f"the {'last' if is_last else 'first'} rank")
                return
        raise NothingToDoError("no rank took the order")

    return play


def link_cut_for_8_s(scene: Scene) -> None:
    scene.training()
    scene.wait(0.0, 12.0)
    scene.struck("host 2")
    scene.lab.network.cut(2)
    time.sleep(8.0)
    scene.lab.network.mend(2)


def link_cut_for_long(scene: Scene) -> None:
    scene.training()
    scene.wait(0.0, 12.0)
    scene.struck(f"host 2, {LONG_CUT_S:.0f} s, then joined again")
    scene.lab.network.cut(2)
    time.sleep(LONG_CUT_S)
    scene.lab.network.mend(2)
    scene.join_again()


def host_killed(scene: Scene) -> None:
    scene.training()
    scene.wait(0.0, 12.0)
    scene.struck("host 2")
    scene.lab.kill(2)
    scene.said += f", joined again after {scene.wait(10.0, 30.0):.0f} s"
    scene.join_again()


def places_held(scene: Scene) -> None:
    scene.training()
    scene.struck("4 CPUs asked for by another job, 25 s once it has them")
    try:
        scene.lab.on(1, sys.executable, "-c", HOG, "25")
    except subprocess.TimeoutExpired:
        scene.said += ", which it did not get"


def _driver(number: signal.Signals) -> Callable[[Scene], None]:
    def play(scene: Scene) -> None:
        scene.training()
        scene.wait(0.0, 20.0)
        pid = scene.driver_pid()
        scene.struck(f"process {pid}")
        os.kill(pid, number)
        for _ in every(0.1, 60.0):
            if scene.driver.pid != pid:
                scene.said = f"ended after {time.time() - scene.happened_s:.1f} s"
                return
        scene.said = "not ended after 60 s"

    return play


def disk_full(scene: Scene) -> None:
    scene.training()
    filler = scene.results / "filler"
    scene.struck("results, until the sweep ended")
    pid = scene.driver_pid()
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(2**16))
    for _ in every(0.1, 60.0):
        if scene.driver.pid != pid:
            break
    else:
        scene.said = "results, for 60 s"
    filler.unlink()


FAULTS: dict[str, Callable[[Scene], None]] = {
    "first rank killed": first_rank_killed,
    "last rank killed": last_rank_killed,
    "a rank killed at launch": _ordered("die", is_training=False),
    "the trial's process killed": trial_killed,
    "a rank stopped for a while": rank_stopped_for_a_while,
    "a rank stopped for good": rank_stopped_for_good,
    "a rank hangs": _ordered("hang"),
    "a rank raises": _ordered("raise"),
    "a rank raises what cannot be pickled": _ordered("unpicklable"),
    "a rank exits": _ordered("exit"),
    "a rank out of memory": _ordered("memory"),
    "link cut for 8 s": link_cut_for_8_s,
    "link cut for longer than Ray bears": link_cut_for_long,
    "a host killed, joined again": host_killed,
    "places held by another job": places_held,
    "driver SIGKILL": _driver(signal.SIGKILL),
    "driver SIGTERM": _driver(signal.SIGTERM),
    "driver SIGINT": _driver(signal.SIGINT),
    "results on a full disk": disk_full,
}


def drawn(seed: int, count: int) -> list[str]:
    """Return the faults of a seed, in their order; none comes twice."""
    return random.Random(seed).sample(sorted(FAULTS), count)
