"""Records to Arrow tables and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from ray_bench.records import Columns, EnvironmentRecord, RunRecord, SweepRecord, record_from_dict
from ray_bench.store.schema import SCHEMAS

T = TypeVar("T")


def storable(value: Any) -> Any:
    """Return a value as Arrow takes it."""
    # Messages of foreign programs may hold bytes that were no UTF-8; Arrow refuses them.
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, tuple):
        return [storable(item) for item in value]
    return value


def table_of(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows as the table `name`, column by column."""
    schema = SCHEMAS[name]
    columns = [
        pa.array([storable(row[column.name]) for row in rows], type=column.type)
        for column in schema
    ]
    return pa.table(columns, schema=schema)


def plain(record: Any) -> dict[str, Any]:
    """Return a record's fields by name, without copying what is in them."""
    return {item.name: getattr(record, item.name) for item in fields(record)}


def _unlisted(row: Mapping[str, Any]) -> dict[str, Any]:
    """Arrow gives lists where records have tuples."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}


def runs_of(table: pa.Table) -> list[RunRecord]:
    """Return the rows of a runs table."""
    return [record_from_dict(_unlisted(row)) for row in table.to_pylist()]


def sweeps_of(table: pa.Table) -> list[SweepRecord]:
    """Return the rows of a sweeps table."""
    return [sweep_of(row) for row in table.to_pylist()]


def sweep_of(row: Mapping[str, Any]) -> SweepRecord:
    """Return a row of a sweeps table."""
    return SweepRecord(**_unlisted(row))


def records_of(record: Callable[..., T], rows: Iterable[Mapping[str, Any]]) -> list[T]:
    """Return rows as records of a kind whose fields are the columns."""
    return [record(**_unlisted(row)) for row in rows]


def environments_of(table: pa.Table) -> dict[str, EnvironmentRecord]:
    """Return environments by the hash that they were stored under."""
    rows = [_unlisted(row) for row in table.to_pylist()]
    return {row.pop("environment_hash"): EnvironmentRecord(**row) for row in rows}


def columns_of(table: pa.Table) -> Columns:
    """Return a long table as arrays; text is an object array, an unknown number is NaN."""
    return {name: _array_of(table.column(name)) for name in table.column_names}


def _array_of(column: pa.ChunkedArray) -> np.ndarray:
    if not pa.types.is_string(column.type):
        return np.asarray(column.to_numpy())
    # Few different texts in many rows: make each Python string once.
    encoded = column.dictionary_encode().unify_dictionaries()
    if encoded.num_chunks == 0:
        return np.empty(0, dtype=object)
    texts = np.asarray(encoded.chunk(0).dictionary.to_pylist(), dtype=object)
    indices = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    return np.asarray(texts[np.concatenate(indices)])
