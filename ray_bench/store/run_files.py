"""The files of one attempt of a run: their names, their content, and how they are stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ray_bench.errors import AlreadyStoredError
from ray_bench.records import RunData, RunRecord, flat_run
from ray_bench.store.location import Location, safe_name
from ray_bench.store.rows import plain
from ray_bench.store.schema import ATTEMPT, TABLES_OF_A_RUN
from ray_bench.store.tables import table_bytes

#: What a run leaves that is no table, by rank, and the end of its files' names.
_BESIDE = (("traces", "json.gz"), ("outputs", "txt"))

_ATTEMPT_END = re.compile(r"-a\d+$")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What one attempt of a run leaves.

    Attributes:
        run: name and content of the file that makes it count; it is written last.
        tables: all others by name.
        absent: names of tables that this attempt has no rows of.
        environment: where it ran; None if unknown. Many runs share it, and its name is its hash.
    """

    run: tuple[str, bytes]
    tables: Mapping[str, bytes]
    absent: tuple[str, ...]
    environment: tuple[str, bytes] | None


def folder(table: str, sweep_id: str) -> str:
    """Return the folder of a sweep's rows of a table."""
    return f"{table}/sweep={safe_name(sweep_id)}"


def stem(run_id: str, attempt: int) -> str:
    """Return the name of an attempt's files, without their ends."""
    if attempt > 1:
        return f"{safe_name(run_id)}-a{attempt}"
    name = safe_name(run_id)
    return safe_name(f"{name} ") if _ATTEMPT_END.search(name) else name


def files_of(data: RunData) -> RunFiles:
    """Return an attempt's files."""
    run = data.run
    name = f"{stem(run.run_id, run.attempt)}.parquet"
    names = {table: f"{folder(table, run.sweep_id)}/{name}" for table in TABLES_OF_A_RUN}
    filled = [table for table in TABLES_OF_A_RUN if getattr(data, table)]
    tables = {names[table]: _long_table(table, data) for table in filled}
    return RunFiles(
        run=(f"{folder('runs', run.sweep_id)}/{name}", table_bytes("runs", [flat_run(run)])),
        tables=tables
        | _beside("traces", "json.gz", data.run, data.traces)
        | _beside("outputs", "txt", data.run, data.outputs),
        absent=tuple(names[table] for table in TABLES_OF_A_RUN if table not in filled),
        environment=_environment(data),
    )


def _long_table(table: str, data: RunData) -> bytes:
    records = getattr(data, table)
    return table_bytes(table, [{**plain(x), ATTEMPT: data.run.attempt} for x in records])


def _beside(table: str, end: str, run: RunRecord, by_rank: Mapping[int, bytes]) -> dict[str, bytes]:
    """Return files by rank that are no tables."""
    place = folder(table, run.sweep_id)
    start = run.run_id if run.attempt == 1 else stem(run.run_id, run.attempt)
    return {
        f"{place}/{safe_name(f'{start}-rank{rank}')}.{end}": content
        for rank, content in by_rank.items()
    }


def _environment(data: RunData) -> tuple[str, bytes] | None:
    if data.environment is None:
        return None
    digest = data.environment.environment_hash
    row = {"environment_hash": digest, **plain(data.environment)}
    return f"environments/{safe_name(digest)}.parquet", table_bytes("environments", [row])


def store_run(location: Location, files: RunFiles) -> None:
    """Store an attempt; nothing that counts is replaced or removed.

    The same attempt may be stored again: an answer may have been lost. What a killed writer left
    of it, without the run's own file, counts for nothing and gives way.

    Raises:
        AlreadyStoredError: If this attempt is stored with other content.
        StoreError: If it cannot be written.
    """
    name, content = files.run
    stored = location.find(name)
    if stored is not None:
        _refuse_other_content(location, files, stored)
        return
    location.each(location.remove, files.absent)
    location.each(lambda item: location.write(*item), list(files.tables.items()))
    if files.environment is not None and not location.exists(files.environment[0]):
        location.write(*files.environment)
    location.write_once(name, content)


def copied(location: Location, run: RunRecord, source_id: str) -> RunFiles:
    """Return the files of a run that another sweep has measured, to be stored for this one.

    Args:
        location: Where both sweeps are.
        run: As it is to stand in the new sweep, the attempt's number as before.
        source_id: The sweep that it was measured in.

    Raises:
        StoreError: If a file cannot be read.
    """
    name = f"{stem(run.run_id, run.attempt)}.parquet"
    start = run.run_id if run.attempt == 1 else stem(run.run_id, run.attempt)
    names = dict.fromkeys(TABLES_OF_A_RUN, name)
    beside = [
        (table, f"{safe_name(f'{start}-rank{rank}')}.{end}")
        for table, end in _BESIDE
        for rank in range(run.point.world_size)
    ]
    wanted = [*names.items(), *beside]
    found = location.each(lambda x: location.find(f"{folder(x[0], source_id)}/{x[1]}"), wanted)
    tables, absent = {}, []
    for (table, file), data in zip(wanted, found, strict=True):
        target = f"{folder(table, run.sweep_id)}/{file}"
        if data is not None:
            tables[target] = data
        elif table in TABLES_OF_A_RUN:
            absent.append(target)
    return RunFiles(
        run=(f"{folder('runs', run.sweep_id)}/{name}", table_bytes("runs", [flat_run(run)])),
        tables=tables,
        absent=tuple(absent),
        environment=None,  # it is there: sweeps share it
    )


def _refuse_other_content(location: Location, files: RunFiles, stored: bytes) -> None:
    name, content = files.run
    wanted = {**files.tables, **dict.fromkeys(files.absent)}
    is_same = stored == content and all(location.find(x) == data for x, data in wanted.items())
    if not is_same:
        raise AlreadyStoredError(
            f"{location.path(name)} is stored already, with other content, and stays as it is. "
            "Was this attempt made twice?"
        )
