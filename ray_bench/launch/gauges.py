"""Gauges of a sweep on Ray's metrics endpoint, for Prometheus, while the sweep runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import final

from ray.util.metrics import Gauge

from ray_bench.launch.listener import SweepListener
from ray_bench.launch.words import RankWords
from ray_bench.records import NetworkRecord, PlannedRun, RunData, RunRecord

#: Ray hands gauges on every 10 s, and forgets one that was not set for 20 s.
REPEAT_S = 5.0

#: What is shown of the run that ended last, by the field of its record, with its unit in words.
#: Ray puts `ray_` before a name: they come out as `ray_bench_throughput_samples_per_s`, ...
RUN_GAUGES: Mapping[str, str] = {
    "throughput_samples_per_s": "Samples per second, steady state.",
    "throughput_tokens_per_s": "Tokens per second, steady state; none where they are unknown.",
    "step_time_s": "Seconds per optimizer step, steady state.",
    "peak_memory_bytes": "Peak memory of a worker, the largest.",
    "final_val_accuracy_frac": "Validation accuracy after the last epoch, 0 to 1.",
}
COUNTS: Mapping[str, str] = {
    "runs_finished": "Runs that ended well since the command began.",
    "runs_failed": "Runs that failed since the command began.",
}

_SWEEP_TAGS = ("sweep", "workload")
_RUN_TAGS = (*_SWEEP_TAGS, "world_size", "lr_rule", "placement")


@contextlib.contextmanager
def exported(listener: SweepListener, *, wanted: bool) -> Iterator[SweepListener]:
    """Give a listener that also shows what it hears as gauges, in a process that Ray knows."""
    if not wanted:
        yield listener
        return
    gauges, ended = _Gauges(lambda text: listener.note(text)), threading.Event()
    repeater = threading.Thread(target=gauges.repeat_until, args=(ended,), daemon=True)
    repeater.start()
    try:
        yield _ExportingListener(listener, gauges)
    finally:
        ended.set()
        repeater.join(REPEAT_S)


@final
class _Gauges:
    """The gauges' values, set again and again. The first error ends that, with a note."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._has_failed = False
        self._gauges: dict[str, Gauge] = {}
        self._lock = threading.Lock()
        self._values: dict[tuple[str, tuple[str, ...]], float] = {}  # by gauge and tags

    def _make(self) -> None:
        for name, text in RUN_GAUGES.items():
            self._gauges[name] = Gauge(f"bench_{name}", text, _RUN_TAGS)
        for name, text in COUNTS.items():
            self._gauges[name] = Gauge(f"bench_{name}", text, _SWEEP_TAGS)

    def count(self, run: RunRecord) -> None:
        """Show a run that has ended."""
        point = run.point
        sweep = (run.sweep_id, point.workload)
        with self._lock:
            for name, counts in zip(COUNTS, (run.is_finished, not run.is_finished), strict=True):
                before = self._values.get((name, sweep), 0.0)
                self._values[name, sweep] = before + counts
            for name in RUN_GAUGES:
                value = getattr(run, name)
                tags = (*sweep, str(point.world_size), point.rule, point.placement or "any")
                if value is not None:
                    self._values[name, tags] = float(value)
        self._set()

    def repeat_until(self, ended: threading.Event) -> None:
        """Keep Ray from forgetting the values."""
        while not ended.wait(REPEAT_S):
            self._set()

    def _set(self) -> None:
        if self._has_failed:
            return
        try:
            self._set_all()
        except Exception as err:  # noqa: BLE001  # Ray's metrics raise anything
            self._has_failed = True
            self._note(
                f"warning: the gauges for Prometheus failed, and the sweep goes on without them: "
                f"{type(err).__name__}: {err}. trackers.prometheus=false leaves them out."
            )

    def _set_all(self) -> None:
        with self._lock:
            if self._values and not self._gauges:
                self._make()
            for (name, tags), value in self._values.items():
                self._gauges[name].set(value, dict(zip(_RUN_TAGS, tags, strict=False)))


@final
class _ExportingListener:
    """Passes everything on, and shows the runs."""

    def __init__(self, listener: SweepListener, gauges: _Gauges) -> None:
        self._listener = listener
        self._gauges = gauges

    def joined(self) -> None:
        """Pass it on."""
        self._listener.joined()

    def run_started(self, planned: PlannedRun) -> None:
        """Pass it on."""
        self._listener.run_started(planned)

    def rank_told(self, planned: PlannedRun, words: RankWords) -> None:
        """Pass it on."""
        self._listener.rank_told(planned, words)

    def run_finished(self, data: RunData) -> None:
        """Pass it on, then show it."""
        self._listener.run_finished(data)
        self._gauges.count(data.run)

    def network_measured(self, records: Sequence[NetworkRecord]) -> None:
        """Pass it on."""
        self._listener.network_measured(records)

    def network_failed(self, reason: str) -> None:
        """Pass it on."""
        self._listener.network_failed(reason)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._listener.note(text)

    def stopping(self) -> None:
        """Pass it on."""
        self._listener.stopping()

    def head_lost(self, reason: str) -> None:
        """Pass it on."""
        self._listener.head_lost(reason)
