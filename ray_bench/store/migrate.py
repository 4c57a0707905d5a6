"""Bring tables of older schema versions up to date, one version at a time.

`STEPS[n]` turns a table of version n into one of version n + 1. Results are never rewritten: the
steps run on every read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from ray_bench.errors import SchemaVersionError, StoreError
from ray_bench.store.schema import SCHEMA_VERSION, SCHEMAS, VERSION_KEY

#: (table name, table of version n) -> table of version n + 1.
Step = Callable[[str, pa.Table], pa.Table]

STEPS: Mapping[int, Step] = {}


def version_of(table: pa.Table, path: str) -> int:
    """Return the schema version that a file was written with."""
    text = (table.schema.metadata or {}).get(VERSION_KEY)
    if text is None:
        raise StoreError(f"{path} was not written by ray_bench; move it out of the results.")
    try:
        return int(text)
    except ValueError:
        raise StoreError(f"{path} has the schema version {text!r}; it is damaged.") from None


def migrate(
    name: str,
    table: pa.Table,
    path: str,
    *,
    steps: Mapping[int, Step] = STEPS,
    current: int = SCHEMA_VERSION,
) -> pa.Table:
    """Return the table as the current version would have written it.

    Args:
        name: of the table, e.g. "runs".
        table: as read, with its schema metadata.
        path: for messages.
        steps: by the version that they start from.
        current: the version to arrive at.

    Raises:
        SchemaVersionError: If the file is newer than this program, or older than its oldest step.
    """
    version = version_of(table, path)
    if version > current:
        raise SchemaVersionError(
            f"{path} has schema version {version}; this ray_bench reads up to {current}. "
            "Upgrade: pip install --upgrade ray-bench."
        )
    for old in range(version, current):
        if old not in steps:
            raise SchemaVersionError(
                f"{path} has schema version {version}, and no step leads on from version {old}. "
                "Read it with the ray_bench that wrote it."
            )
        table = steps[old](name, table)
    return _align(table, SCHEMAS[name], path)


def _align(table: pa.Table, schema: pa.Schema, path: str) -> pa.Table:
    """Put columns in order; an absent column that may be null is null, unknown ones are dropped."""
    if table.schema.equals(schema):
        _refuse_nulls(table, schema, path)
        return table.replace_schema_metadata(schema.metadata)
    columns = []
    for column in schema:
        if column.name in table.column_names:
            columns.append(table.column(column.name).cast(column.type))
        elif column.nullable:
            columns.append(pa.nulls(table.num_rows, column.type))
        else:
            raise StoreError(f"{path} has no column {column.name!r}; it is damaged or was edited.")
    aligned = pa.table(columns, schema=schema)
    _refuse_nulls(aligned, schema, path)
    return aligned


def _refuse_nulls(table: pa.Table, schema: pa.Schema, path: str) -> None:
    for column in schema:
        if not column.nullable and table.column(column.name).null_count:
            raise StoreError(f"{path} lacks values of {column.name!r}; it is damaged.")
