"""Whole tables to and from Parquet files. What is read may be damaged, or made to do harm."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ray_bench.errors import StoreError
from ray_bench.store.location import Location
from ray_bench.store.migrate import migrate
from ray_bench.store.rows import table_of

#: Below that a file is no larger without compression, and a run's row is read three times as fast.
_SMALL_BYTES = 2**20
#: A file of a few bytes may claim any number of rows. Ours have at least a measured number a row,
#: which takes some bytes; repeated values take none, so that short files get an allowance.
_ROWS_PER_BYTE, _ROWS_OF_ANY_FILE = 4, 1_000_000
#: Footers of ours take some kilobytes; this is what parsing one may allocate.
_MAX_FOOTER_BYTES, _MAX_FOOTER_ITEMS = 16 * 2**20, 1_000_000


def table_bytes(table: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows of the named table as a Parquet file."""
    return file_bytes(table_of(table, rows))


def file_bytes(table: pa.Table) -> bytes:
    """Return a table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd" if table.nbytes > _SMALL_BYTES else "none")
    return sink.getvalue()


def read_tables(location: Location, table: str, names: Sequence[str]) -> list[pa.Table]:
    """Return the tables of files, in the order of their names.

    Raises:
        StoreError: If a file is damaged; names it.
        SchemaVersionError: If a newer ray_bench wrote it.
    """
    return location.each(
        lambda name: parsed(table, location.read(name), location.path(name)), names
    )


def parsed(table: str, data: bytes, path: str) -> pa.Table:
    """Return the named table from a file's bytes, as this version writes it.

    Raises:
        StoreError: If the file is damaged or not ours.
        SchemaVersionError: If a newer ray_bench wrote it.
    """
    try:
        return migrate(table, checked_table(data), path)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as err:
        raise damaged(path, err) from err


def damaged(path: str, why: object) -> StoreError:
    """Return the error of a file that cannot be what ray_bench wrote."""
    return StoreError(
        f"{path} is damaged: {why}. Remove it; `ray-bench run ... --resume` measures "
        "what is missing."
    )


def checked_table(data: bytes) -> pa.Table:
    """Return the table of a Parquet file; text in it is UTF-8.

    Raises:
        ArrowException | OSError | ValueError: If it is damaged, or claims absurdly many rows.
    """
    file = pq.ParquetFile(
        pa.BufferReader(data),
        thrift_string_size_limit=_MAX_FOOTER_BYTES,
        thrift_container_size_limit=_MAX_FOOTER_ITEMS,
    )
    num_rows = file.metadata.num_rows
    if not 0 <= num_rows <= _ROWS_OF_ANY_FILE + _ROWS_PER_BYTE * len(data):
        raise ValueError(f"{len(data)} bytes claim {num_rows} rows")
    table = file.read(use_threads=False)
    table.validate(full=True)
    return table
