"""Whole tables to and from Parquet files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ray_bench.errors import StoreError
from ray_bench.store.location import Location
from ray_bench.store.migrate import migrate
from ray_bench.store.rows import table_of

#: An object store answers slowly, but to many at once; on a disk threads only stand in line.
_REMOTE_READERS = 16
#: Below that a file is no larger without compression, and a run's row is read three times as fast.
_SMALL_BYTES = 2**20


def write_table(
    location: Location, table: str, name: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write rows of the named table into one file."""
    made = table_of(table, rows)
    sink = io.BytesIO()
    pq.write_table(made, sink, compression="zstd" if made.nbytes > _SMALL_BYTES else "none")
    location.write(name, sink.getvalue())


def read_tables(location: Location, table: str, names: Sequence[str]) -> list[pa.Table]:
    """Return the tables of files, in the order of their names.

    Raises:
        StoreError: If a file is damaged; names it.
        SchemaVersionError: If a newer ray_bench wrote it.
    """
    if location.is_local:
        return [_read_table(location, table, name) for name in names]
    with ThreadPoolExecutor(_REMOTE_READERS) as pool:
        return list(pool.map(lambda name: _read_table(location, table, name), names))


def _read_table(location: Location, table: str, name: str) -> pa.Table:
    path = location.path(name)
    try:
        found = pq.ParquetFile(pa.BufferReader(location.read(name))).read(use_threads=False)
    except (pa.ArrowException, OSError) as err:
        raise StoreError(
            f"{path} is damaged: {err}. Remove it; `ray-bench run ... --resume` measures "
            "what is missing."
        ) from err
    return migrate(table, found, path)
