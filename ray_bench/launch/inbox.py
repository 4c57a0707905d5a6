"""Where workers leave what they say and what they finish while their trial goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ray_bench.launch.words import RankWords
from ray_bench.records import RunData


@dataclass(slots=True)
class Mail:
    """What has come since the driver looked last, each in its order."""

    runs: list[RunData] = field(default_factory=list)  # finished
    words: list[RankWords] = field(default_factory=list)


def open_inbox() -> Any:
    """Return the handle of an inbox on the driver's node, which lives as long as the driver."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return _Inbox.options(scheduling_strategy=here).remote()  # type: ignore[attr-defined]


@ray.remote(num_cpus=0)
class _Inbox:
    """Holds mail until the driver takes it; a killed trial does not lose it."""

    def __init__(self) -> None:
        self._mail = Mail()

    def put(self, runs: list[RunData]) -> None:
        """Called by workers."""
        self._mail.runs += runs

    def tell(self, words: RankWords) -> None:
        """Called by workers."""
        self._mail.words.append(words)

    def take(self) -> Mail:
        """Called by the driver; what it gets is no longer here."""
        taken, self._mail = self._mail, Mail()
        return taken
