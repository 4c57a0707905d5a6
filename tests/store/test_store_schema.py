"""Tests of the stored schema and of migration."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ray_bench.errors import SchemaVersionError, StoreError
from ray_bench.store.migrate import STEPS, migrate, version_of
from ray_bench.store.rows import plain, table_of
from ray_bench.store.schema import SCHEMA_VERSION, SCHEMAS, VERSION_KEY, unit_of
from tests.samples import make_sweep

PHASES = SCHEMAS["phases"]


def phases(version: int) -> pa.Table:
    row = {"run_id": "a", "rank": 0, "step": 1, "phase": "loss", "duration_s": 1.0, "attempt": 1}
    table = table_of("phases", [row])
    return table.replace_schema_metadata({VERSION_KEY: str(version).encode()})


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("wall_s", "s"),
        ("grad_bytes", "byte"),
        ("energy_j", "J"),
        ("best_val_accuracy_frac", "1"),
        ("throughput_samples_per_s", "samples/s"),
        ("global_batch_size", "samples"),
        ("run_id", None),
    ],
)
def test_units_follow_names(name, unit):
    assert unit_of(name) == unit


def test_units_and_version_are_in_the_schema():
    assert SCHEMAS["runs"].field("energy_j").metadata == {b"unit": b"J"}
    assert SCHEMAS["runs"].metadata[VERSION_KEY] == str(SCHEMA_VERSION).encode()


def test_only_optional_fields_are_nullable():
    assert SCHEMAS["epochs"].field("eval_s").nullable
    assert not SCHEMAS["epochs"].field("train_s").nullable


def test_types_are_plain():
    kinds = {column.type for schema in SCHEMAS.values() for column in schema}
    plain_kinds = {pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us", tz="UTC")}
    assert {kind for kind in kinds if not pa.types.is_list(kind)} == plain_kinds


def test_every_old_version_has_a_step():
    assert set(STEPS) == set(range(1, SCHEMA_VERSION))


def milliseconds(name: str, table: pa.Table) -> pa.Table:
    column = pc.divide(table.column("duration_s"), 1000.0)
    return table.set_column(4, "duration_s", column) if name == "phases" else table


def test_steps_run_one_after_the_other():
    steps = {1: milliseconds, 2: milliseconds}
    found = migrate("phases", phases(1), "file", steps=steps, current=3)
    assert found.column("duration_s").to_pylist() == [1e-6]
    assert migrate("phases", phases(3), "file", steps=steps, current=3) == phases(3)


def test_a_gap_in_the_steps_is_explained():
    with pytest.raises(SchemaVersionError, match="no step leads on from version 2"):
        migrate("phases", phases(1), "file", steps={1: milliseconds}, current=3)


def test_foreign_files_are_refused():
    with pytest.raises(StoreError, match=r"f.parquet was not written by ray_bench"):
        version_of(pa.table({"a": [1]}), "f.parquet")


def test_a_new_optional_column_is_null_in_old_files():
    row = {**plain(make_sweep())}
    table = table_of("sweeps", [row])
    assert migrate("sweeps", table.append_column("later", [["x"]]), "file") == table
    epochs = SCHEMAS["epochs"].empty_table().drop_columns(["val_loss"])
    assert migrate("epochs", epochs, "file").column("val_loss").type == pa.float64()


def test_a_missing_column_is_named():
    with pytest.raises(StoreError, match="no column 'rank'"):
        migrate("phases", phases(1).drop_columns(["rank"]), "file")
