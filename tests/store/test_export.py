"""Tables as CSV and Parquet: nothing is lost, and nothing is run."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_bench.analysis.per_run import PerRun
from ray_bench.errors import StoreError
from ray_bench.records import Results, RunData
from ray_bench.store.csv_text import guarded
from ray_bench.store.export import csv_bytes, parquet_bytes, tidy_schema, tidy_table
from ray_bench.store.schema import SCHEMAS, UNIT_KEY
from tests.samples import make_data, make_environment, make_run, make_sweep

EVIL = ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "\r=1", "\x00=1", "\u00a0=1", "\uff1d1", "'=1"]


def read_csv(table: pa.Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_bytes(table).decode(), newline=""), strict=True))


@pytest.mark.parametrize("text", EVIL)
def test_text_that_begins_like_a_formula_is_neutralised(text):
    (row,) = read_csv(pa.table({"a": pa.array([text]), "n": pa.array([-1.5])}))
    assert row == {"a": text if text == "'=1" else f"'{text}", "n": "-1.5"}


@pytest.mark.parametrize("text", ["", "a=1", "resnet50-cifar10", "'", "1-2", "(=1)"])
def test_other_text_is_left_alone(text):
    assert guarded(text) == text
    assert read_csv(pa.table({"a": pa.array([text]), "b": pa.array(["x"])}))[0]["a"] == text


def test_unknown_is_empty_and_lists_are_json():
    table = pa.table(
        {
            "flags": pa.array([["a", 'b,"c"'], None, []], type=pa.list_(pa.string())),
            "x": pa.array([0.1, None, 1e-30]),
            "t": pa.array(["two\nlines", None, ""]),
        }
    )
    rows = read_csv(table)
    assert [json.loads(x["flags"]) if x["flags"] else None for x in rows] == [
        ["a", 'b,"c"'],
        None,
        [],
    ]
    assert [float(x["x"]) if x["x"] else None for x in rows] == [0.1, None, 1e-30]
    assert rows[0]["t"] == "two\nlines"
    assert csv_bytes(table).endswith(b',1e-30,""\n')  # empty text is not unknown


def test_parquet_keeps_types_units_and_table_name(store):
    store.write_sweep(make_sweep(run_ids=("a",)))
    store.write_run(make_data())
    results = store.read()
    table = tidy_table(results, PerRun, [PerRun(total_s=2.5)])
    back = pq.read_table(pa.BufferReader(parquet_bytes(table)))
    assert back.schema.equals(tidy_schema(PerRun))
    assert back.field("worker_s").metadata[UNIT_KEY] == b"s"
    assert back.schema.metadata[b"ray_bench.table"] == b"tidy"
    (row,) = back.to_pylist()
    assert (row["run_id"], row["num_cpus"], row["total_s"], row["speedup"]) == ("a", 4, 2.5, None)


def test_a_run_without_environment_has_a_row(store):
    store.write_sweep(make_sweep(run_ids=("a",)))
    store.write_run(RunData(run=make_run()))
    (row,) = tidy_table(store.read(), PerRun, [PerRun()]).to_pylist()
    assert row["num_cpus"] is None
    assert row["run_id"] == "a"


def test_no_column_of_the_tidy_table_is_there_twice():
    names = tidy_schema(PerRun).names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_stored_table_can_be_had_with_its_sweep(store, name):
    store.write_sweep(make_sweep(run_ids=("a",)))
    store.write_run(make_data())
    store.write_sweep(make_sweep(sweep_id="other", run_ids=("b",)))
    store.write_run(make_data(sweep_id="other", run_id="b"))
    table = store.arrow(name, "other")
    assert set(SCHEMAS[name].names) <= set(table.column_names)
    assert set(table["sweep_id"].to_pylist()) <= {"other"}
    assert table.num_rows == {"epochs": 2, "blocks": 2, "network": 0, "stops": 0}.get(
        name,
        0
        if name in ("buckets", "sync_pairs", "evaluations", "failures", "labels", "answers")
        else 1,
    )


def test_tables_of_runs_that_do_not_count_are_left_out(store):
    store.write_sweep(make_sweep(run_ids=("a",)))
    store.write_run(make_data())
    assert store.arrow("blocks").num_rows == 2
    store._location.remove(f"runs/sweep={make_run().sweep_id}/a.parquet")
    assert store.arrow("blocks").num_rows == 0


def test_an_unknown_sweep_is_an_error(store):
    store.write_sweep(make_sweep())
    with pytest.raises(StoreError, match="has no sweep"):
        store.arrow("runs", "nothing")


def test_the_nodes_that_were_asked_for_stand_beside_those_that_were_got():
    data = make_data()
    point = replace(data.run.point, placement="4x2", num_nodes=4, workers_per_node=2)
    run = replace(data.run, point=point, environment_hash="e")
    hosts = {"e": make_environment(num_nodes=3)}
    results = Results(sweep=make_sweep(), runs=(run,), environments=hosts)
    (row,) = tidy_table(results, PerRun, [PerRun()]).to_pylist()
    assert (row["asked_num_nodes"], row["num_nodes"], row["workers_per_node"]) == (4, 3, 2)
