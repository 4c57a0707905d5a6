"""Tables for other programs: the tidy one, and any table as the bytes of a CSV or Parquet file."""

from __future__ import annotations

import io
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from ray_bench.records import EnvironmentRecord, Results, flat_run
from ray_bench.store.csv_text import FORMULA_RE2, GUARD
from ray_bench.store.rows import plain, storable
from ray_bench.store.schema import SCHEMA_VERSION, SCHEMAS, TABLE_KEY, VERSION_KEY, arrow_field

TIDY = "tidy"

#: Columns of `runs` that have the name of one of `environments`: what was asked, and what was got.
_ASKED = {"num_nodes": "asked_num_nodes"}

ArrowTable: TypeAlias = pa.Table


def tidy_schema(more: type) -> pa.Schema:
    """Return the columns of the tidy table: of `runs`, of `environments`, and of a dataclass."""
    hints = typing.get_type_hints(more)
    environment = [x.with_nullable(True) for x in SCHEMAS["environments"]]
    columns = [
        *(x.with_name(_ASKED.get(x.name, x.name)) for x in SCHEMAS["runs"]),
        *(x for x in environment if x.name != "environment_hash"),
        *(arrow_field(item.name, hints[item.name]) for item in fields(more)),
    ]
    metadata = {VERSION_KEY: str(SCHEMA_VERSION).encode(), TABLE_KEY: TIDY.encode()}
    return pa.schema(columns, metadata=metadata)


def tidy_table(results: Results, more: type, rows: Sequence[Any]) -> pa.Table:
    """Return one row for every run: the run, where it ran, and what is known beside it.

    Args:
        results: One sweep.
        more: The dataclass of `rows`.
        rows: One for every run of `results.runs`, in their order.
    """
    schema = tidy_schema(more)
    nothing = dict.fromkeys(EnvironmentRecord.__dataclass_fields__)
    values = []
    for run, row in zip(results.runs, rows, strict=True):
        host = results.environments.get(run.environment_hash or "")
        own = {_ASKED.get(name, name): value for name, value in flat_run(run).items()}
        values.append({**(plain(host) if host else nothing), **own, **plain(row)})
    arrays = [pa.array([storable(x[c.name]) for x in values], type=c.type) for c in schema]
    return pa.table(arrays, schema=schema)


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of tables of one schema in one table."""
    return pa.concat_tables(tables)


def csv_bytes(table: pa.Table) -> bytes:
    """Return a table as CSV in UTF-8: a list is JSON, unknown is empty, empty text is `""`.

    Text that a spreadsheet would compute has an apostrophe before it (`csv_text`).
    """
    columns = [_for_csv(column) for column in table.columns]
    sink = io.BytesIO()
    pyarrow.csv.write_csv(pa.table(columns, names=table.column_names), sink)
    return sink.getvalue()


def _for_csv(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_list(column.type):
        texts = [None if x is None else json.dumps(x) for x in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, type=pa.string())])
    if not pa.types.is_string(column.type):
        return column
    is_formula = pc.match_substring_regex(column, FORMULA_RE2)
    guarded = pc.binary_join_element_wise(GUARD, column, "")
    return pc.if_else(is_formula, guarded, column)


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as a Parquet file, with units and version in its metadata."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


#: What writes a table, by the end of a file's name.
WRITERS: Mapping[str, Callable[[pa.Table], bytes]] = {"csv": csv_bytes, "parquet": parquet_bytes}
