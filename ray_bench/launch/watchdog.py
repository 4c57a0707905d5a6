"""Ends a launch in which nothing moves any more, or whose host is lost. It runs in the trial.

Neither Ray nor a collective operation sees a rank that is stopped before the others wait for it,
and Ray's controller itself may wait for it for ever.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import final

import ray

from ray_bench.causes import is_collateral
from ray_bench.launch.beats import Heard, held_up, missing
from ray_bench.launch.failures import Failure
from ray_bench.launch.places import Host
from ray_bench.launch.requests import Launch
from ray_bench.launch.vacancy import Look, demand_of_launch, look, lost, lost_words, never

LOOK_EVERY_S = 1.0
#: Of the ranks; the hosts, of which there may be many, are asked for less often.
HOSTS_EVERY_S = 3.0
#: How long Ray has for ending a launch whose workers were killed; then the trial ends itself.
PATIENCE_S = 8.0
#: Workers on a busy machine, or with an environment to install, take their time; Ray's own limits
#: come first.
START_S = 240.0
#: A host that is cut off is silent for as long as Ray hopes for it; one that died is not.
LONG_SILENCE_S = 20.0
_ANSWER_S = 10.0


@contextlib.contextmanager
def watching(launch: Launch) -> Iterator[Watchdog]:
    """Watch a launch for as long as it lasts."""
    dog = Watchdog(launch)
    dog.start()
    try:
        yield dog
    finally:
        dog.stop()


@final
class Watchdog:
    """Looks at the ranks and at the hosts of a launch each second.

    Attributes:
        verdict: Why it has ended the launch; None while it has not.
    """

    def __init__(self, launch: Launch) -> None:
        self.verdict: Failure | None = None
        self._launch = launch
        self._begin_s = self._looked_s = time.monotonic()
        self._silent_s: dict[str, float] = {}  # since when hosts do not answer, by node id
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; the launch is over."""
        self._stopped.set()
        self._thread.join()

    def explain(self, failure: Failure) -> Failure:
        """Return the cause of a failure where the failure itself is only its consequence."""
        if self.verdict is not None:
            return self.verdict
        if not (failure.is_collateral or failure.type == "WorkerDied"):
            return failure
        heard = self._heard()
        if gone := _gone(heard, self._launch.hosts, look()):
            return Failure("HostLost", lost_words(gone), None)
        timeout_s = self._launch.config.launch.timeout_s
        blamed = held_up(heard, timeout_s) if is_collateral(failure.message) else None
        return blamed or failure

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            heard = self._heard()
            verdict = self._judge(heard)
            if verdict is not None:
                self.verdict = verdict
                self._end(heard)
                return

    def _judge(self, heard: Mapping[int, Heard]) -> Failure | None:
        launch = self._launch
        num_ranks, timeout_s = launch.work.world_size, launch.config.launch.timeout_s
        if failure := missing(heard, num_ranks, timeout_s) or self._none_came(heard):
            return failure
        if time.monotonic() - self._looked_s < HOSTS_EVERY_S:
            return None
        self._looked_s = time.monotonic()
        has_all = len(heard) == num_ranks
        # Ray notices itself when a host is gone, but takes one that was cut off for alive a while.
        seen = look(asks=not has_all)
        if gone := _gone(heard, launch.hosts, seen):
            return Failure("HostLost", f"{lost_words(gone)}{_patience(heard, gone)}", None)
        if has_all:
            return None
        return never(demand_of_launch(launch), launch.hosts, seen) or self._cut_off(seen)

    def _cut_off(self, seen: Look) -> Failure | None:
        """Return the failure of a launch that has not begun while a host does not answer.

        Where its ranks are is not known before they are heard, and Ray waits for a worker on such a
        host for as long as it takes the host for alive.
        """
        now_s, limit_s = time.monotonic(), self._launch.config.launch.timeout_s
        silent = [host for host in seen.hosts if not host.answers]
        since_s = {host.node_id: self._silent_s.get(host.node_id, now_s) for host in silent}
        self._silent_s = since_s
        names = [host.name for host in silent if now_s - since_s[host.node_id] >= limit_s]
        if not names:
            return None
        return Failure(
            "HostLost",
            f"Not all ranks have begun, and {', '.join(names)} did not answer for {limit_s:g} s "
            "(launch.timeout_s). Mend the network, or join the host again, then use --resume.",
            None,
        )

    def _none_came(self, heard: Mapping[int, Heard]) -> Failure | None:
        """Return the failure of a launch whose workers do not even start."""
        limit_s = max(self._launch.config.launch.timeout_s, START_S)
        if heard or time.monotonic() - self._begin_s < limit_s:
            return None
        return Failure(
            "RanksMissing",
            f"No rank was heard of for {limit_s:.0f} s: the workers do not start. The limit is "
            f"launch.timeout_s, or {START_S:g} s where that is more.",
            None,
        )

    def _heard(self) -> Mapping[int, Heard]:
        heard: Mapping[int, Heard] = ray.get(
            self._launch.inbox.heard.remote(self._launch.launch_id), timeout=_ANSWER_S
        )
        return heard

    def _end(self, heard: Mapping[int, Heard]) -> None:
        """Kill the workers, which ends the launch; where it does not, end the trial."""
        launch = self._launch
        ray.get(launch.inbox.say.remote(launch.launch_id, self.verdict), timeout=_ANSWER_S)
        for rank in heard.values():
            if rank.beat.worker is not None:
                ray.kill(rank.beat.worker)
        if not self._stopped.wait(PATIENCE_S):
            os._exit(1)


def _patience(heard: Mapping[int, Heard], gone: Sequence[Host]) -> str:
    """Return how long Ray has waited for a host that said nothing, and what sets it."""
    nodes = {host.node_id for host in gone}
    silent_s = max(h.silent_s for h in heard.values() if h.beat.node_id in nodes)
    if silent_s < LONG_SILENCE_S:
        return ""
    return (
        f" It was silent for {silent_s:.0f} s: Ray gives a host up after so many checks as "
        "RAY_health_check_failure_threshold says, of RAY_health_check_timeout_ms each."
    )


def _gone(heard: Mapping[int, Heard], before: tuple[Host, ...], seen: Look) -> list[Host]:
    """Return the hosts of ranks that are lost."""
    used = {h.beat.node_id for h in heard.values()}
    return [host for host in lost(before, seen.hosts) if host.node_id in used]
