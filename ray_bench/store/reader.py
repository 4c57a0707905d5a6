"""Reading a sweep's runs and tables back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, final

import pyarrow as pa

from ray_bench.errors import StoreError
from ray_bench.records import Columns, EnvironmentRecord, FailureRecord, RunRecord, SweepRecord
from ray_bench.store.location import Location, safe_name
from ray_bench.store.rows import columns_of, environments_of, runs_of, sweeps_of
from ray_bench.store.run_files import folder
from ray_bench.store.schema import ATTEMPT, SCHEMAS
from ray_bench.store.tables import damaged, parsed, read_tables


class StoredRun(NamedTuple):
    """An attempt, and the name of its files within the sweep's folder of every table."""

    run: RunRecord
    file: str
    table: pa.Table


@final
class Reader:
    """Reads what is below a location."""

    def __init__(self, location: Location) -> None:
        self._location = location

    def sweep(self, sweep_id: str) -> SweepRecord | None:
        """Return a sweep from its own file; None if there is none of this id."""
        name = f"sweeps/{safe_name(sweep_id)}.parquet"
        data = self._location.find(name)
        if data is None:
            return None
        path = self._location.path(name)
        table = parsed("sweeps", data, path)
        try:
            (sweep,) = sweeps_of(table)
        except (ValueError, OverflowError) as err:
            raise damaged(path, err) from err
        if sweep.sweep_id != sweep_id:
            raise StoreError(f"{path} is of another sweep, {sweep.sweep_id!r}; remove it.")
        return sweep

    def attempts(self, sweep_id: str) -> list[StoredRun]:
        """Return every attempt of every run of a sweep."""
        names = self._location.names(folder("runs", sweep_id))
        tables = read_tables(self._location, "runs", names)
        found = [self._stored(name, table) for name, table in zip(names, tables, strict=True)]
        for stored in found:
            if stored.run.sweep_id != sweep_id:
                raise StoreError(
                    f"{self._location.path(folder('runs', sweep_id))}/{stored.file} is of another "
                    f"sweep, {stored.run.sweep_id!r}; move it there."
                )
        return found

    def newest(self, sweep_id: str) -> list[StoredRun]:
        """Return the newest attempt of every run, in the order in which they were to run."""
        newest: dict[str, StoredRun] = {}
        for stored in sorted(self.attempts(sweep_id), key=lambda x: (x.run.attempt, x.file)):
            newest[stored.run.run_id] = stored
        return sorted(newest.values(), key=lambda x: (x.run.order_index, x.run.run_id))

    def long_table(self, table: str, sweep_id: str, runs: Iterable[StoredRun]) -> pa.Table:
        """Return the rows of a long table that belong to these attempts."""
        # A killed run may have left tables without its own file, and a second attempt another.
        place = folder(table, sweep_id)
        counted = {f"{place}/{stored.file}" for stored in runs}
        return self.joined(table, [n for n in self._location.names(place) if n in counted])

    def long_columns(self, table: str, sweep_id: str, runs: Iterable[StoredRun]) -> Columns:
        """Return the same as columns, named as the record's fields."""
        return columns_of(self.long_table(table, sweep_id, runs).drop_columns([ATTEMPT]))

    def failures_by_attempt(
        self, sweep_id: str, runs: Iterable[StoredRun]
    ) -> list[tuple[int, FailureRecord]]:
        """Return what failed in these attempts, each with the number of its attempt."""
        rows = self.long_table("failures", sweep_id, runs).to_pylist()
        return [(row.pop(ATTEMPT), FailureRecord(**row)) for row in rows]

    def failures(self, sweep_id: str, runs: Iterable[StoredRun]) -> tuple[FailureRecord, ...]:
        """Return the same without the numbers."""
        return tuple(record for _, record in self.failures_by_attempt(sweep_id, runs))

    def environment_table(self, runs: Iterable[RunRecord]) -> pa.Table:
        """Return the environments of runs, each once."""
        hashes = {run.environment_hash for run in runs if run.environment_hash is not None}
        names = sorted(f"environments/{safe_name(digest)}.parquet" for digest in hashes)
        found = self._location.each(self._location.find, names)
        tables = [
            parsed("environments", data, self._location.path(name))
            for name, data in zip(names, found, strict=True)
            if data is not None
        ]
        return pa.concat_tables([SCHEMAS["environments"].empty_table(), *tables])

    def environments(self, runs: Iterable[RunRecord]) -> dict[str, EnvironmentRecord]:
        """Return the environments of runs by their hash."""
        return environments_of(self.environment_table(runs))

    def single(self, table: str, name: str) -> pa.Table:
        """Return a table that has one file; no rows if there is none of this name."""
        path = f"{table}/{safe_name(name)}.parquet"
        data = self._location.find(path)
        if data is None:
            return SCHEMAS[table].empty_table()
        return parsed(table, data, self._location.path(path))

    def joined(self, table: str, names: Sequence[str]) -> pa.Table:
        """Return the rows of several files of a table."""
        found = read_tables(self._location, table, names)
        return pa.concat_tables([SCHEMAS[table].empty_table(), *found])

    def table(self, name: str, sweep_id: str) -> pa.Table:
        """Return what any of the tables has of a sweep, of every run the newest attempt."""
        if name in ("sweeps", "stops", "network", "answers"):
            return self.single(name, sweep_id)
        if name == "labels":
            return self.joined(name, self._location.names(folder(name, sweep_id)))
        stored = self.newest(sweep_id)
        if name == "runs":
            return pa.concat_tables([SCHEMAS[name].empty_table(), *(x.table for x in stored)])
        if name == "environments":
            return self.environment_table(x.run for x in stored)
        return self.long_table(name, sweep_id, stored)

    def _stored(self, name: str, table: pa.Table) -> StoredRun:
        path = self._location.path(name)
        try:
            (run,) = runs_of(table)
        except (ValueError, OverflowError) as err:
            raise damaged(path, err) from err
        if run.point.world_size < 1 or run.attempt < 1:
            raise damaged(
                path, f"world size {run.point.world_size} and attempt {run.attempt} cannot be"
            )
        return StoredRun(run, name.rpartition("/")[2], table)
