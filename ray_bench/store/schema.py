"""From a record's annotations to an Arrow schema with units and a version."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin

import pyarrow as pa

from ray_bench.records import (
    BlockRecord,
    BucketRecord,
    EnvironmentRecord,
    EpochRecord,
    EvaluationRecord,
    FailureRecord,
    NetworkRecord,
    PhaseRecord,
    Point,
    RunRecord,
    StopRecord,
    SweepRecord,
    SyncPairRecord,
)
from ray_bench.store.answers import AnswerRecord
from ray_bench.store.labels import LabelRecord

#: Version of the stored tables. A new column that may be null needs no new version; anything else
#: does, together with a step in `migrate.py`.
#: 1: first release.
SCHEMA_VERSION = 1

VERSION_KEY = b"ray_bench.schema_version"
TABLE_KEY = b"ray_bench.table"
UNIT_KEY = b"unit"
ATTEMPT = "attempt"

_ARROW_TYPES: Mapping[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    datetime: pa.timestamp("us", tz="UTC"),
}

#: Unit by the end of a name; the first match counts.
_UNITS: tuple[tuple[str, str], ...] = (
    ("_samples_per_s", "samples/s"),
    ("_tokens_per_s", "tokens/s"),
    ("_flops_per_s", "FLOP/s"),
    ("flops_per_sample", "FLOP/sample"),
    ("_mhz", "MHz"),
    ("_temperature_c", "degC"),
    ("_bytes", "byte"),
    ("_mb", "MiB"),
    ("_frac", "1"),
    ("_utc", "UTC"),
    ("_j", "J"),
    ("_s", "s"),
    ("batch_size", "samples"),
    ("world_size", "ranks"),
    ("_samples", "samples"),
    ("_tokens", "tokens"),
    ("_steps", "steps"),
    ("_epochs", "epochs"),
)


def unit_of(name: str) -> str | None:
    """Return the unit that the end of a name stands for; None for text, counts and flags."""
    return next((unit for suffix, unit in _UNITS if name.endswith(suffix)), None)


def arrow_field(name: str, annotation: Any) -> pa.Field:
    """Return the column of one record field; `X | None` is what makes it nullable."""
    is_optional = get_origin(annotation) in (Union, types.UnionType)
    if is_optional:
        annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
    unit = unit_of(name)
    metadata = None if unit is None else {UNIT_KEY: unit.encode()}
    return pa.field(name, _arrow_type(annotation), nullable=is_optional, metadata=metadata)


def _arrow_type(annotation: Any) -> pa.DataType:
    if get_origin(annotation) is Literal:
        return pa.string()
    if get_origin(annotation) is tuple:
        return pa.list_(pa.field("item", _arrow_type(get_args(annotation)[0]), nullable=False))
    return _ARROW_TYPES[annotation]


def _fields_of(record: type) -> list[pa.Field]:
    hints = typing.get_type_hints(record)
    return [arrow_field(item.name, hints[item.name]) for item in fields(record)]


def _run_fields() -> list[pa.Field]:
    own = [item for item in fields(RunRecord) if item.name != "point"]
    hints = typing.get_type_hints(RunRecord)
    return _fields_of(Point) + [arrow_field(item.name, hints[item.name]) for item in own]


def _with_metadata(table: str, columns: list[pa.Field]) -> pa.Schema:
    metadata = {VERSION_KEY: str(SCHEMA_VERSION).encode(), TABLE_KEY: table.encode()}
    return pa.schema(columns, metadata=metadata)


def _long_fields(record: type) -> list[pa.Field]:
    """The record's columns, and which attempt of the run they are of.

    The last one is the store's own: null in files of versions that kept one attempt of a run.
    """
    return [*_fields_of(record), arrow_field(ATTEMPT, int | None)]


def _environment_fields() -> list[pa.Field]:
    return [arrow_field("environment_hash", str), *_fields_of(EnvironmentRecord)]


#: Schema of every table by name.
SCHEMAS: Mapping[str, pa.Schema] = {
    name: _with_metadata(name, columns)
    for name, columns in {
        "sweeps": _fields_of(SweepRecord),
        "runs": _run_fields(),
        "epochs": _long_fields(EpochRecord),
        "blocks": _long_fields(BlockRecord),
        "phases": _long_fields(PhaseRecord),
        "buckets": _long_fields(BucketRecord),
        "sync_pairs": _long_fields(SyncPairRecord),
        "evaluations": _long_fields(EvaluationRecord),
        "failures": _long_fields(FailureRecord),
        "network": _fields_of(NetworkRecord),
        "stops": _fields_of(StopRecord),
        "environments": _environment_fields(),
        "labels": _fields_of(LabelRecord),
        "answers": _fields_of(AnswerRecord),
    }.items()
}

#: Tables with many rows a run, read back as columns.
LONG_TABLES = ("epochs", "blocks", "phases", "buckets", "sync_pairs", "evaluations")
#: All that an attempt of a run writes beside its own row.
TABLES_OF_A_RUN = (*LONG_TABLES, "failures")
