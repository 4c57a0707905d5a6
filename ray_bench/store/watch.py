"""All sweeps of a store at a glance, brought up to date by what changed since the last look."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, final

from ray_bench.errors import StoreError
from ray_bench.records import SweepRecord
from ray_bench.store.answers import AnswerRecord
from ray_bench.store.index import Index
from ray_bench.store.labels import LabelRecord, Labels, labels_of
from ray_bench.store.live import read_live
from ray_bench.store.results_store import ResultsStore
from ray_bench.store.rows import records_of, sweep_of
from ray_bench.store.summary import SweepSummary, summarised
from ray_bench.store.watched import Watched

#: What a report is made from; of the others only lists tell.
_STUDIED = ("sweeps", "runs", "labels", "network", "stops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One sweep.

    Attributes:
        sweep_id: Where its own file cannot be read, the file's name.
        version: Changes when anything changes that a report is made from, or its labels.
        record: What was asked for; None where it cannot be read.
        summary: The same, counted; None where it cannot be read.
        live: What the sweep last said of itself.
        heard_at_utc: When it said so, by its own clock or by the disk's, whichever is later.
        changed_at_utc: When its own file was written, if the place tells.
        errors: What of it cannot be read.
    """

    sweep_id: str
    version: str
    record: SweepRecord | None
    summary: SweepSummary | None
    live: dict[str, Any] | None
    heard_at_utc: datetime | None
    changed_at_utc: datetime | None
    errors: tuple[StoreError, ...]


@final
class Watch:
    """What changes in a store; for one thread at a time.

    Args:
        store: The results.
    """

    def __init__(self, store: ResultsStore) -> None:
        self._store = store
        place = store.location
        self._tables = {
            "sweeps": Watched(place, "sweeps", Index(place, "sweeps").read),
            "runs": Watched(place, "runs", Index(place, "runs").read, below=True),
            "labels": Watched(place, "labels", Index(place, "labels").read, below=True),
            "answers": Watched(place, "answers", Index(place, "answers").read),
            "network": Watched(place, "network"),
            "stops": Watched(place, "stops"),
        }
        self._live = Watched(place, "live", suffix=".json")

    def look(self, *, whole: bool = False) -> frozenset[str]:
        """Return the sweeps of which anything came, changed or went, as their files are named.

        Args:
            whole: Trust no time of change of a folder.

        Raises:
            StoreError: If the place cannot be listed.
        """
        looks = [x.look(whole=whole) for x in (*self._tables.values(), self._live)]
        return frozenset[str]().union(*looks)

    def names(self) -> frozenset[str]:
        """Return all sweeps, as their files are named."""
        return frozenset(self._tables["sweeps"].sweeps())

    def glance(self, name: str, learned: AnswerRecord | None = None) -> Glance:
        """Return one of them.

        Args:
            name: As its file is named.
            learned: An answer that is not stored; counts where that in the store is out of date.
        """
        rows = self._tables["sweeps"].rows(name)
        own = next(iter(self._tables["sweeps"].of(name)), None)
        errors = tuple(e for table in self._tables.values() for e in table.errors(name))
        record = sweep_of(rows[0]) if rows else None
        summary = None if record is None else self._summary(record, name, learned)
        live, heard, trouble = self._heard(record, summary, name)
        return Glance(
            sweep_id=name if record is None else record.sweep_id,
            version=self._version(name),
            record=record,
            summary=summary,
            live=live,
            heard_at_utc=heard,
            changed_at_utc=None if own is None else _time(own.modified_ns),
            errors=(*errors, *trouble),
        )

    def _summary(
        self, record: SweepRecord, name: str, learned: AnswerRecord | None
    ) -> SweepSummary:
        runs, labels = self._tables["runs"].rows(name), self._labels(name)
        stored = [AnswerRecord(**row) for row in self._tables["answers"].rows(name)]
        tried = [x for x in (*stored, learned) if x is not None]
        found = [
            summarised([record], runs, {record.sweep_id: labels}, {record.sweep_id: answer})[0]
            for answer in tried
        ]
        found = found or summarised([record], runs, {record.sweep_id: labels}, {})
        current = [x for x in found if x.is_answer_current]
        return (current or found)[-1]

    def _labels(self, name: str) -> Labels:
        return labels_of(records_of(LabelRecord, self._tables["labels"].rows(name)))

    def _heard(
        self, record: SweepRecord | None, summary: SweepSummary | None, name: str
    ) -> tuple[dict[str, Any] | None, datetime | None, Sequence[StoreError]]:
        """Return what a sweep said of itself; of one whose runs are all done it is not asked."""
        files = list(self._live.of(name))
        if not files or record is None or summary is None or summary.state == "finished":
            return None, None, ()
        try:
            live = read_live(self._store, record.sweep_id)
            if live is None:
                return None, None, ()
            told = datetime.fromisoformat(str(live["updated_at_utc"])).astimezone(UTC)
        except StoreError as err:
            return None, None, (err,)
        except (KeyError, ValueError, OverflowError) as err:
            return None, None, (StoreError(f"The live state of {name} is damaged: {err}."),)
        on_disk = [_time(x.modified_ns) for x in files]
        return live, max([told, *(x for x in on_disk if x is not None)]), ()

    def _version(self, name: str) -> str:
        infos = [sorted(self._tables[table].of(name)) for table in _STUDIED]
        return hashlib.sha256(repr(infos).encode()).hexdigest()[:16]


def _time(stamp_ns: int | None) -> datetime | None:
    return None if stamp_ns is None else datetime.fromtimestamp(stamp_ns / 1e9, UTC)
