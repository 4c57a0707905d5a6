"""The results of sweeps under one root: written when a run ends, read back as records."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, final

import pyarrow as pa

from ray_bench.errors import StoreError
from ray_bench.records import (
    Columns,
    EnvironmentRecord,
    NetworkRecord,
    Results,
    RunData,
    RunRecord,
    StopRecord,
    SweepRecord,
    flat_run,
)
from ray_bench.store.location import Location, safe_name
from ray_bench.store.rows import columns_of, environments_of, plain, runs_of, sweeps_of
from ray_bench.store.schema import LONG_TABLES, SCHEMAS
from ray_bench.store.tables import read_tables, write_table


@final
class ResultsStore:
    """Parquet datasets under one root, one file a run and table.

        sweeps/<sweep_id>.parquet
        runs/sweep=<sweep_id>/<run_id>.parquet        also the long tables: epochs/, blocks/, ...
        environments/<hash>.parquet
        network/<network_id>.parquet
        stops/<sweep_id>.parquet
        traces/sweep=<sweep_id>/<run_id>-rank<rank>.json.gz     not a table; with `--trace` only
        tensorboard/<sweep_id>/<run_id>/events.out.tfevents.ray_bench     not a table

    A run counts when its file in `runs/` is there; that one is written last.

    Args:
        root: a path, or a URI such as `s3://bucket/folder`. It need not exist yet.
    """

    def __init__(self, root: str | Path) -> None:
        self._location = Location(root)
        self.root = self._location.root

    def check_writable(self) -> None:
        """Find out before any training whether results can be written; creates the folder.

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

    def write_sweep(self, sweep: SweepRecord) -> None:
        """Store what was asked for. A sweep is written once.

        Raises:
            StoreError: If there is a sweep of this id.
        """
        name = f"sweeps/{safe_name(sweep.sweep_id)}.parquet"
        if self._location.exists(name):
            raise StoreError(f"{self.root} has a sweep {sweep.sweep_id!r} already.")
        write_table(self._location, "sweeps", name, [plain(sweep)])

    def write_run(self, data: RunData) -> None:
        """Store everything that a run leaves behind, in place of an earlier attempt of it."""
        run = data.run
        # While its tables are replaced the run does not count.
        self._location.remove(_file("runs", run.sweep_id, run.run_id))
        for table in LONG_TABLES:
            self._write_long(table, run, getattr(data, table))
        for rank, trace in data.traces.items():
            name = f"{_folder('traces', run.sweep_id)}/{safe_name(f'{run.run_id}-rank{rank}')}"
            self._location.write(f"{name}.json.gz", trace)
        if data.environment is not None:
            self._write_environment(data.environment)
        write_table(
            self._location, "runs", _file("runs", run.sweep_id, run.run_id), [flat_run(run)]
        )

    def write_network(self, network_id: str, records: Sequence[NetworkRecord]) -> None:
        """Store an all-reduce sweep, in place of an earlier one of this id."""
        rows = [plain(record) for record in records]
        write_table(self._location, "network", _single("network", network_id), rows)

    def network_ids(self) -> tuple[str, ...]:
        """Return the all-reduce sweeps, oldest name first; a sweep's own has the sweep's id."""
        names = sorted(self._location.names("network"))
        return tuple(name.removeprefix("network/").removesuffix(".parquet") for name in names)

    def network(self, network_id: str) -> Columns:
        """Return an all-reduce sweep as columns; no rows if there is none of this id."""
        return columns_of(self._read_single("network", network_id))

    def write_stop(self, stop: StopRecord) -> None:
        """Store why a sweep made no more repeats, in place of an earlier reason."""
        name = _single("stops", stop.sweep_id)
        write_table(self._location, "stops", name, [plain(stop)])

    def stop(self, sweep_id: str) -> StopRecord | None:
        """Return why a sweep made no more repeats; None without a rule, or before it stopped."""
        rows = self._read_single("stops", sweep_id).to_pylist()
        return StopRecord(**rows[0]) if rows else None

    def write_events(self, sweep_id: str, run_id: str, events: bytes) -> None:
        """Store a run's TensorBoard event file, in place of that of an earlier attempt."""
        folder = f"tensorboard/{safe_name(sweep_id)}/{safe_name(run_id)}"
        self._location.write(f"{folder}/events.out.tfevents.ray_bench", events)

    @property
    def local_folder(self) -> Path | None:
        """The root as a folder of this machine; None for an object store."""
        return Path(self._location.folder) if self._location.is_local else None

    def write_text(self, name: str, text: str) -> str:
        """Write a text file, e.g. `report.md`, whole or not at all; returns its path."""
        return self._location.write(name, text.encode())

    def read_text(self, name: str) -> str | None:
        """Return a text file that was written before; None if there is none."""
        if not self._location.exists(name):
            return None
        return self._location.read(name).decode(errors="replace")

    def sweeps(self) -> tuple[SweepRecord, ...]:
        """Return every sweep, oldest first; none when the folder is empty or does not exist."""
        tables = read_tables(self._location, "sweeps", self._location.names("sweeps"))
        found = [sweep for table in tables for sweep in sweeps_of(table)]
        return tuple(sorted(found, key=lambda sweep: (sweep.created_at_utc, sweep.sweep_id)))

    def runs(self, sweep_id: str) -> tuple[RunRecord, ...]:
        """Return the runs that a sweep has left so far, in the order in which they were to run."""
        tables = read_tables(
            self._location, "runs", self._location.names(_folder("runs", sweep_id))
        )
        found = [run for table in tables for run in runs_of(table)]
        return tuple(sorted(found, key=lambda run: (run.order_index, run.run_id)))

    def finished_run_ids(self, sweep_id: str) -> frozenset[str]:
        """Return the runs that need not run again: stored, and not failed."""
        return frozenset(run.run_id for run in self.runs(sweep_id) if not run.must_repeat)

    def read(self, sweep_id: str | None = None) -> Results:
        """Read one sweep back.

        Args:
            sweep_id: None takes the newest.

        Raises:
            StoreError: If there are no results, no such sweep, or a damaged file.
            SchemaVersionError: If a newer ray_bench wrote them.
        """
        sweep = self._find(sweep_id)
        runs = self.runs(sweep.sweep_id)
        return Results(
            sweep=sweep,
            runs=runs,
            epochs=self._read_long("epochs", sweep.sweep_id, runs),
            blocks=self._read_long("blocks", sweep.sweep_id, runs),
            phases=self._read_long("phases", sweep.sweep_id, runs),
            buckets=self._read_long("buckets", sweep.sweep_id, runs),
            sync_pairs=self._read_long("sync_pairs", sweep.sweep_id, runs),
            environments=self._environments(runs),
            network=self.network(sweep.sweep_id),
            stop=self.stop(sweep.sweep_id),
        )

    def arrow(self, table: str, sweep_id: str | None = None) -> pa.Table:
        """Return one of the tables of `SCHEMAS` as it is stored, `sweep_id` in its first column.

        Args:
            table: Its name, e.g. "blocks".
            sweep_id: Of which sweep; None takes the newest.

        Raises:
            StoreError: As for `read`.
        """
        sweep = self._find(sweep_id)
        found = self._arrow(table, sweep.sweep_id)
        if "sweep_id" in found.column_names:
            return found
        ids = pa.repeat(sweep.sweep_id, found.num_rows)
        return found.add_column(0, pa.field("sweep_id", pa.string(), nullable=False), ids)

    def _arrow(self, table: str, sweep_id: str) -> pa.Table:
        if table in ("sweeps", "stops", "network"):
            return self._read_single(table, sweep_id)
        if table == "runs":
            return self._joined(table, self._location.names(_folder(table, sweep_id)))
        runs = self.runs(sweep_id)
        if table == "environments":
            return self._joined(table, self._environment_names(runs))
        return self._long(table, sweep_id, runs)

    def _joined(self, table: str, names: Sequence[str]) -> pa.Table:
        found = read_tables(self._location, table, names)
        return pa.concat_tables([SCHEMAS[table].empty_table(), *found])

    def _find(self, sweep_id: str | None) -> SweepRecord:
        sweeps = self.sweeps()
        if not sweeps:
            why = "has no results" if self._location.exists() else "does not exist"
            raise StoreError(
                f"{self.root} {why}. Measure first: ray-bench run demo --results {self.root}"
            )
        by_id = {sweep.sweep_id: sweep for sweep in sweeps}
        if sweep_id is None:
            return sweeps[-1]
        if sweep_id not in by_id:
            raise StoreError(f"{self.root} has no sweep {sweep_id!r}. {_hint(sweep_id, by_id)}")
        return by_id[sweep_id]

    def _write_long(self, table: str, run: RunRecord, records: Sequence[Any]) -> None:
        name = _file(table, run.sweep_id, run.run_id)
        if records:
            write_table(self._location, table, name, [plain(record) for record in records])
        else:
            self._location.remove(name)

    def _write_environment(self, environment: EnvironmentRecord) -> None:
        digest = environment.environment_hash
        name = f"environments/{safe_name(digest)}.parquet"
        if not self._location.exists(name):
            row = {"environment_hash": digest, **plain(environment)}
            write_table(self._location, "environments", name, [row])

    def _read_long(self, table: str, sweep_id: str, runs: Iterable[RunRecord]) -> Columns:
        return columns_of(self._long(table, sweep_id, runs))

    def _long(self, table: str, sweep_id: str, runs: Iterable[RunRecord]) -> pa.Table:
        # Only tables of runs that count: a killed run may have left tables without its own file.
        counted = {_file(table, sweep_id, run.run_id) for run in runs}
        names = [n for n in self._location.names(_folder(table, sweep_id)) if n in counted]
        return self._joined(table, names)

    def _read_single(self, table: str, name: str) -> pa.Table:
        path = _single(table, name)
        if not self._location.exists(path):
            return SCHEMAS[table].empty_table()
        return read_tables(self._location, table, [path])[0]

    def _environment_names(self, runs: Iterable[RunRecord]) -> list[str]:
        wanted = {run.environment_hash for run in runs if run.environment_hash is not None}
        files = {f"environments/{safe_name(digest)}.parquet" for digest in wanted}
        return [name for name in self._location.names("environments") if name in files]

    def _environments(self, runs: Iterable[RunRecord]) -> dict[str, EnvironmentRecord]:
        names = self._environment_names(runs)
        found: dict[str, EnvironmentRecord] = {}
        for table in read_tables(self._location, "environments", names):
            found.update(environments_of(table))
        return found


def _folder(table: str, sweep_id: str) -> str:
    return f"{table}/sweep={safe_name(sweep_id)}"


def _file(table: str, sweep_id: str, run_id: str) -> str:
    return f"{_folder(table, sweep_id)}/{safe_name(run_id)}.parquet"


def _single(table: str, name: str) -> str:
    return f"{table}/{safe_name(name)}.parquet"


def _hint(wanted: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"It has: {', '.join(names[-5:])}."
