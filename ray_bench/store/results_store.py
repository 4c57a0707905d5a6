"""The results of sweeps under one root: written when a run ends, read back as records."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

import pyarrow as pa

from ray_bench.errors import AlreadyStoredError, StoreError
from ray_bench.records import (
    Columns,
    FailureRecord,
    NetworkRecord,
    Results,
    RunData,
    RunRecord,
    StopRecord,
    SweepRecord,
)
from ray_bench.store.answers import AnswerRecord
from ray_bench.store.catalog import Catalog, by_age
from ray_bench.store.delivery import Delivery
from ray_bench.store.index import Index
from ray_bench.store.labels import Labels, change_of, labels_of, standing
from ray_bench.store.location import Location, safe_name
from ray_bench.store.patience import Say
from ray_bench.store.reader import Reader
from ray_bench.store.rows import columns_of, plain
from ray_bench.store.run_files import copied, files_of
from ray_bench.store.schema import LONG_TABLES
from ray_bench.store.summary import SweepSummary
from ray_bench.store.tables import table_bytes

#: Run id, and number of the attempt.
AttemptKey = tuple[str, int]


@final
class ResultsStore:
    """Parquet datasets under one root, one file a run and table.

        sweeps/<sweep_id>.parquet
        runs/sweep=<sweep_id>/<run_id>.parquet        also the long tables: epochs/, blocks/, ...
        runs/sweep=<sweep_id>/<run_id>-a2.parquet     its second attempt, in every table
        environments/<hash>.parquet
        network/<network_id>.parquet
        stops/<sweep_id>.parquet
        labels/sweep=<sweep_id>/<label_id>.parquet    a change of its name, tags or note
        answers/<sweep_id>.parquet                    what its last report said, for lists
        reports/<sweep_id>/report.html                not a table; also .md and .json
        index/<table>/<hash>.parquet                  a cache of tables; may be removed
        traces/sweep=<sweep_id>/<run_id>-rank<rank>.json.gz     not a table; with `--trace` only
        outputs/sweep=<sweep_id>/<run_id>-rank<rank>.txt        not a table; what a script wrote
        tensorboard/<sweep_id>/<run_id>/events.out.tfevents.ray_bench     not a table

    A run counts when its file in `runs/` is there; that one is written last. Its newest attempt is
    what is read; earlier ones stay.

    Args:
        root: a path, or a URI such as `s3://bucket/folder`. It need not exist yet.
        say: told what a person should know, e.g. that an object store is away and waited for;
            None writes it to stderr.
    """

    def __init__(self, root: str | Path, *, say: Say | None = None) -> None:
        self._location = Location(root, say=say)
        self._reader = Reader(self._location)
        self._say = say or logging.getLogger(__name__).warning
        self._catalog = Catalog(self._location, self._say)
        self.root = self._location.root
        self._delivery = Delivery(self._location, self.root, self._say)

    def check_writable(self) -> None:
        """Find out before any training whether results can be written; creates the folder.

        Runs that were kept aside because they could not be stored are stored now.

        Raises:
            StoreError: If they cannot; says what to do.
        """
        probe = f".probe-{uuid.uuid4().hex}"
        try:
            self._location.write(probe, b"")
            self._location.remove(probe)
        except StoreError as err:
            text = str(err).replace(self._location.path(probe), f"results in {self.root}")
            raise StoreError(text) from err
        self._delivery.deliver()

    def write_sweep(self, sweep: SweepRecord) -> None:
        """Store what was asked for. A sweep is written once.

        Raises:
            StoreError: If there is a sweep of this id.
        """
        # Runs are many to list: only as often as there are enough new sweeps.
        if Index(self._location, "sweeps").grow():
            Index(self._location, "runs").grow()
        name = _single("sweeps", sweep.sweep_id)
        if self._location.exists(name):
            raise AlreadyStoredError(f"{self.root} has a sweep {sweep.sweep_id!r} already.")
        self._location.write_once(name, table_bytes("sweeps", [plain(sweep)]))

    def write_run(self, data: RunData) -> None:
        """Store everything that an attempt of a run leaves behind; earlier ones stay.

        A run that cannot be stored is kept on this machine, and stored before the next one, or when
        `check_writable` is called for the same results.

        Raises:
            AlreadyStoredError: If this attempt is stored with other content.
            StoreError: If it cannot be stored; says where it is kept.
        """
        self._delivery.store(files_of(data))

    def take_over(self, runs: Sequence[RunRecord], source_id: str) -> None:
        """Store runs that another sweep has measured, with all that they left; they stay there.

        Args:
            runs: As they are to stand in their new sweep.
            source_id: The sweep that measured them.

        Raises:
            StoreError: If they cannot be read or stored.
        """
        for run in runs:
            self._delivery.store(copied(self._location, run, source_id))

    def write_network(self, network_id: str, records: Sequence[NetworkRecord]) -> None:
        """Store an all-reduce sweep, in place of an earlier one of this id."""
        rows = [plain(record) for record in records]
        self._location.write(_single("network", network_id), table_bytes("network", rows))

    def network_ids(self) -> tuple[str, ...]:
        """Return the all-reduce sweeps, oldest name first; a sweep's own has the sweep's id."""
        names = sorted(self._location.names("network"))
        return tuple(name.removeprefix("network/").removesuffix(".parquet") for name in names)

    def network(self, network_id: str) -> Columns:
        """Return an all-reduce sweep as columns; no rows if there is none of this id."""
        return columns_of(self._reader.single("network", network_id))

    def write_stop(self, stop: StopRecord) -> None:
        """Store why a sweep made no more repeats, in place of an earlier reason."""
        name = _single("stops", stop.sweep_id)
        self._location.write(name, table_bytes("stops", [plain(stop)]))

    def stop(self, sweep_id: str) -> StopRecord | None:
        """Return why a sweep made no more repeats; None without a rule, or before it stopped."""
        rows = self._reader.single("stops", sweep_id).to_pylist()
        return StopRecord(**rows[0]) if rows else None

    def write_events(self, sweep_id: str, run_id: str, events: bytes) -> None:
        """Store a run's TensorBoard event file, in place of that of an earlier attempt."""
        place = f"tensorboard/{safe_name(sweep_id)}/{safe_name(run_id)}"
        self._location.write(f"{place}/events.out.tfevents.ray_bench", events)

    @property
    def location(self) -> Location:
        """Where its files are."""
        return self._location

    @property
    def local_folder(self) -> Path | None:
        """The root as a folder of this machine; None for an object store."""
        return Path(self._location.folder) if self._location.is_local else None

    def write_text(self, name: str, text: str) -> str:
        """Write a text file, e.g. `report.md`, whole or not at all; returns its path."""
        return self._location.write(name, text.encode())

    def read_text(self, name: str) -> str | None:
        """Return a text file that was written before; None if there is none."""
        found = self._location.find(name)
        return None if found is None else found.decode(errors="replace")

    def sweeps(self) -> tuple[SweepRecord, ...]:
        """Return every sweep, oldest first; none when the folder is empty or does not exist.

        One whose own file is damaged is left out, and said: no other sweep depends on it.
        """
        found, errors = self._sweeps()
        for error in errors:
            self._say(f"note: a sweep is left out. {error}")
        return found

    def sweep(self, sweep_id: str) -> SweepRecord | None:
        """Return one sweep, read from its own file now; None if there is none of exactly this id.

        Raises:
            StoreError: If its file is damaged.
        """
        return self._reader.sweep(sweep_id)

    def summaries(self) -> tuple[SweepSummary, ...]:
        """Return what is known of every sweep at a glance, newest first.

        A run whose file is damaged counts as missing, and is said.
        """
        return self._catalog.summaries()

    def sweep_id(self, word: str | None = None) -> str:
        """Return the id of the sweep that a word means, and say it where it is not the id itself.

        Args:
            word: an id or the start of one, a name, or a tag, which means the newest with it; None
                means the newest of all.

        Raises:
            StoreError: If there is none, or more than one.
        """
        return self._find(word).sweep_id

    def label(
        self,
        sweep_id: str,
        *,
        name: str | None = None,
        note: str | None = None,
        added: Sequence[str] = (),
        removed: Sequence[str] = (),
    ) -> None:
        """Change what a sweep is called; a change that is made at the same time stays, too.

        Args:
            sweep_id: Which sweep.
            name: Its new name; empty takes the name away, None leaves it.
            note: Its new note; the same.
            added: Tags.
            removed: Tags that it loses.

        Raises:
            ConfigError: A name, tag or note cannot be one, or another sweep has the name.
        """
        self.check_label(sweep_id, name=name, note=note, added=added)
        change = change_of(sweep_id, name=name, note=note, added=added, removed=removed)
        self._catalog.write_label(change)

    def check_label(
        self, sweep_id: str, *, name: str | None, note: str | None, added: Sequence[str]
    ) -> None:
        """Find out before a sweep whether it can be called so; see `label`.

        Raises:
            ConfigError: It cannot.
        """
        change_of(sweep_id, name=name, note=note, added=added)
        if name:
            self._catalog.check_free(name, sweep_id)

    def undo_label(self, sweep_id: str) -> bool:
        """Take back the newest change of a sweep's labels; tells whether there was one."""
        changes = standing(self._catalog.changes(sweep_id))
        if changes:
            self._catalog.write_label(change_of(sweep_id, undone_id=changes[-1].label_id))
        return bool(changes)

    def labels(self, sweep_id: str) -> Labels:
        """Return what a sweep is called."""
        return labels_of(self._catalog.changes(sweep_id))

    def write_answer(self, answer: AnswerRecord) -> None:
        """Store what a report said, in place of what an earlier one of this sweep said."""
        self._catalog.write_answer(answer)

    def attempts(self, sweep_id: str) -> tuple[RunRecord, ...]:
        """Return every attempt of every run of a sweep, oldest first."""
        runs = [stored.run for stored in self._reader.attempts(sweep_id)]
        return tuple(
            sorted(runs, key=lambda run: (run.started_at_utc, run.order_index, run.attempt))
        )

    def failures(self, sweep_id: str) -> Mapping[AttemptKey, tuple[FailureRecord, ...]]:
        """Return what failed in every attempt of a sweep, by run id and attempt."""
        stored = self._reader.attempts(sweep_id)
        found: dict[AttemptKey, tuple[FailureRecord, ...]] = {}
        for attempt, record in self._reader.failures_by_attempt(sweep_id, stored):
            key = (record.run_id, attempt)
            found[key] = (*found.get(key, ()), record)
        return found

    def runs(self, sweep_id: str) -> tuple[RunRecord, ...]:
        """Return the newest attempt of every run that a sweep has left so far.

        They are in the order in which they were to run.
        """
        return tuple(stored.run for stored in self._reader.newest(sweep_id))

    def finished_run_ids(self, sweep_id: str) -> frozenset[str]:
        """Return the runs that need not run again: stored, and not failed."""
        return frozenset(run.run_id for run in self.runs(sweep_id) if not run.must_repeat)

    def read(self, sweep_id: str | None = None) -> Results:
        """Read one sweep back.

        Args:
            sweep_id: Or what else `sweep_id` understands.

        Raises:
            StoreError: If there are no results, no such sweep, or a damaged file: without it other
                numbers would come out.
            SchemaVersionError: If a newer ray_bench wrote them.
        """
        sweep = self._find(sweep_id)
        stored = self._reader.newest(sweep.sweep_id)
        runs = tuple(x.run for x in stored)
        tables = {
            table: self._reader.long_columns(table, sweep.sweep_id, stored) for table in LONG_TABLES
        }
        return Results(
            sweep=sweep,
            runs=runs,
            **tables,
            failures=self._reader.failures(sweep.sweep_id, stored),
            environments=self._reader.environments(runs),
            network=self.network(sweep.sweep_id),
            stop=self.stop(sweep.sweep_id),
        )

    def arrow(self, table: str, sweep_id: str | None = None) -> pa.Table:
        """Return one of the tables of `SCHEMAS` as it is stored, `sweep_id` in its first column.

        Of every run it has the newest attempt.

        Args:
            table: Its name, e.g. "blocks".
            sweep_id: Of which sweep; or what else `sweep_id` understands.

        Raises:
            StoreError: As for `read`.
        """
        sweep = self._find(sweep_id)
        found = self._reader.table(table, sweep.sweep_id)
        if "sweep_id" in found.column_names:
            return found
        ids = pa.repeat(sweep.sweep_id, found.num_rows)
        return found.add_column(0, pa.field("sweep_id", pa.string(), nullable=False), ids)

    def _sweeps(self) -> tuple[tuple[SweepRecord, ...], list[StoreError]]:
        rows, errors = Index(self._location, "sweeps").rows()
        return by_age(rows), errors

    def _find(self, sweep_id: str | None) -> SweepRecord:
        if sweep_id is not None:
            sweep = self._reader.sweep(sweep_id)
            return sweep if sweep is not None else self._find(self._catalog.meant(sweep_id))
        sweeps, errors = self._sweeps()
        if errors:  # it may be the newest
            raise errors[0]
        return sweeps[-1] if sweeps else self._catalog.raise_empty()


def _single(table: str, name: str) -> str:
    return f"{table}/{safe_name(name)}.parquet"
