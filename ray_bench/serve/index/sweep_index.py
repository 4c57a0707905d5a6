"""The index of sweeps in memory."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import final

from ray_bench.errors import RayBenchError, StoreError
from ray_bench.serve.index.asked import Asked
from ray_bench.serve.index.found import Found, found_of
from ray_bench.serve.index.rows import SweepRow, row_of
from ray_bench.store import ResultsStore
from ray_bench.store.answers import AnswerRecord
from ray_bench.store.location import safe_name
from ray_bench.store.summary import SweepSummary
from ray_bench.store.watch import Watch

#: The store is looked at so often at most; an object store costs money for each look.
_LOCAL_EVERY_S, _REMOTE_EVERY_S = 1.0, 10.0
#: A look may take this share of the time.
_SHARE = 0.2
#: Times of change of folders are not trusted for longer.
_WHOLE_EVERY_S = 60.0
#: A page waits so long for a look under way, then shows what was known before.
_PATIENCE_S = 0.25
#: ... and so long where what was known is older than that: nobody had asked for a while.
_OLD_S, _PATIENCE_IF_OLD_S = 30.0, 5.0
_FIRST_PATIENCE_S = 60.0
_MOST_FOUND = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All sweeps at one time.

    Attributes:
        rows: Newest first.
        by_id: The same.
        mark: Another one, of whichever service, has another mark.
        trouble: Why the store could not be looked at since; empty if it could.
    """

    rows: tuple[SweepRow, ...]
    by_id: Mapping[str, SweepRow]
    mark: str
    trouble: str = ""


@final
class SweepIndex:
    """Rows of all sweeps; the store is looked at again when somebody asks and a while is over.

    One look goes on at a time, in a thread of its own. Whoever asks meanwhile waits a moment for
    it, and gets what was known before if it takes longer.

    Args:
        store: The results.
        clock_s: Seconds that only grow.
    """

    def __init__(self, store: ResultsStore, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._watch = Watch(store)
        self._every_s = _LOCAL_EVERY_S if store.local_folder is not None else _REMOTE_EVERY_S
        self._root = store.root
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._looking: threading.Event | None = None
        self._snapshot: Snapshot | None = None
        self._failure: RayBenchError | None = None
        self._due_s = self._whole_due_s = self._seen_s = 0.0
        self._num_asked = self._num_seen = 0
        self._rows: dict[str, SweepRow] = {}
        self._learned: dict[str, AnswerRecord] = {}
        self._touched: set[str] = set()
        self._found: dict[tuple[str, Asked], Found] = {}

    def snapshot(self) -> Snapshot:
        """Return all sweeps as they were at most a few seconds ago.

        Raises:
            StoreError: If the store could not be read even once.
        """
        for _ in range(3):  # one look may have begun before what is to be seen
            under_way = self._look_if_due()
            if under_way is None:
                break
            if not under_way.wait(self._patience_s()):
                break
        if self._snapshot is None:
            raise self._failure or StoreError(
                f"The results in {self._root} are still being read. Ask again in a minute."
            )
        return self._snapshot

    def rows(self) -> tuple[SweepRow, ...]:
        """Return all sweeps, newest first, those too that cannot be read."""
        return self.snapshot().rows

    def summaries(self) -> tuple[SweepSummary, ...]:
        """Return the sweeps that can be read, newest first."""
        return tuple(x for x in self.snapshot().rows if x.state != "unreadable")

    def row(self, sweep_id: str) -> SweepRow | None:
        """Return one sweep; None if there is none of exactly this id."""
        return self.snapshot().by_id.get(sweep_id)

    def version(self, sweep_id: str) -> str:
        """Return a text that changes when anything changes that a sweep's report is made from.

        Its labels count, its answer and its live state do not. Empty: there is no such sweep.
        """
        row = self.row(sweep_id)
        return "" if row is None else row.version

    def page(self, asked: Asked) -> Found:
        """Return the sweeps that fit, in order, a page of them."""
        snapshot = self.snapshot()
        key = (snapshot.mark, asked)
        found = self._found.get(key)
        if found is None:
            found = found_of(snapshot.rows, asked)
            with self._lock:
                if len(self._found) >= _MOST_FOUND or not self._is_fresh(snapshot):
                    self._found.clear()
                self._found[key] = found
        return found

    def learn(self, answer: AnswerRecord) -> None:
        """Take an answer that was found here; it counts until the store has one that is current."""
        with self._lock:
            self._learned[safe_name(answer.sweep_id)] = answer
            self._touched.add(safe_name(answer.sweep_id))
        self.look_again()

    def look_again(self) -> None:
        """Let whoever asks next see what has been stored up to now."""
        with self._lock:
            self._num_asked += 1

    def _patience_s(self) -> float:
        if self._snapshot is None:
            return _FIRST_PATIENCE_S
        is_old = self._clock_s() - self._seen_s > _OLD_S
        return max(_PATIENCE_S, _PATIENCE_IF_OLD_S) if is_old else _PATIENCE_S

    def _is_fresh(self, snapshot: Snapshot) -> bool:
        return any(mark == snapshot.mark for mark, _ in self._found)

    def _look_if_due(self) -> threading.Event | None:
        """Return the look to wait for, if there is one, begun here if it is time."""
        with self._lock:
            is_behind = self._snapshot is None or self._num_seen < self._num_asked
            is_old = self._clock_s() - self._seen_s > _OLD_S
            if self._looking is not None:
                return self._looking if is_behind or is_old else None
            if not is_behind and self._clock_s() < self._due_s:
                return None
            if self._failure is not None and self._clock_s() < self._due_s:
                return None
            self._looking = threading.Event()
            threading.Thread(target=self._look, args=(self._looking,), daemon=True).start()
            return self._looking

    def _look(self, done: threading.Event) -> None:
        began_s, asked = self._clock_s(), self._num_asked
        try:
            self._snapshot, self._failure = self._looked(began_s), None
        except RayBenchError as err:
            self._failure = err
            if self._snapshot is not None:
                self._snapshot = Snapshot(
                    rows=self._snapshot.rows,
                    by_id=self._snapshot.by_id,
                    mark=uuid.uuid4().hex,
                    trouble=str(err),
                )
        finally:
            with self._lock:
                self._num_seen = max(self._num_seen, asked)
                ended_s = self._seen_s = self._clock_s()
                self._due_s = ended_s + max(self._every_s, (ended_s - began_s) / _SHARE)
                self._looking = None
            done.set()

    def _looked(self, began_s: float) -> Snapshot:
        """Return what stands in the store now."""
        whole = began_s >= self._whole_due_s
        with self._lock:
            touched, self._touched = self._touched, set()
        try:
            changed = self._watch.look(whole=whole) | touched
        except RayBenchError:
            with self._lock:
                self._touched |= touched
            raise
        if whole:
            self._whole_due_s = began_s + _WHOLE_EVERY_S
        # A sweep that runs may have fallen silent: nothing in the store tells.
        changed |= {name for name, row in self._rows.items() if row.state == "running"}
        names, now = self._watch.names(), datetime.now(UTC)
        news = {
            name: row_of(self._watch.glance(name, self._learned.get(name)), now)
            for name in changed & names
        }
        gone = self._rows.keys() - names
        before = self._snapshot
        is_same = all(self._rows.get(name) == row for name, row in news.items())
        if before is not None and is_same and not gone and not before.trouble:
            return before
        self._rows = {k: x for k, x in {**self._rows, **news}.items() if k not in gone}
        rows = sorted(
            self._rows.values(), key=lambda x: (x.created_at_utc, x.sweep_id), reverse=True
        )
        by_id = {row.sweep_id: row for row in rows}
        return Snapshot(rows=tuple(rows), by_id=by_id, mark=uuid.uuid4().hex)
