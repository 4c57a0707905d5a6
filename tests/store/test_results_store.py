"""Tests of writing and reading results."""

import dataclasses
import math
import uuid
from datetime import timedelta

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from ray_bench.errors import SchemaVersionError, StoreError
from ray_bench.records import RunData, flat_run, record_from_dict
from ray_bench.store import ResultsStore
from ray_bench.store.location import Location
from ray_bench.store.rows import plain
from ray_bench.store.tables import read_tables, table_bytes
from tests.samples import START, make_data, make_environment, make_point, make_run, make_sweep

SWEEP = make_sweep()


def test_a_run_comes_back_as_it_was_written(store):
    store.write_sweep(SWEEP)
    data = make_data(flags=("few_blocks", "steps_cut"), energy_j=None, num_epochs=0.5)
    store.write_run(data)
    results = store.read()
    assert results.sweep == SWEEP
    assert results.runs == (data.run,)
    assert results.environments == {data.run.environment_hash: data.environment}
    assert results.missing_run_ids == ("b",)


def test_traces_are_files_of_their_own(store, tmp_path):
    data = make_data()
    store.write_run(dataclasses.replace(data, traces={0: b"first", 1: b"second"}))
    (folder,) = (tmp_path / "results" / "traces").iterdir()
    assert folder.name == f"sweep={data.run.sweep_id}"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "a-rank0.json.gz": b"first",
        "a-rank1.json.gz": b"second",
    }


def test_long_tables_come_back_as_columns(store):
    store.write_sweep(SWEEP)
    store.write_run(make_data())
    results = store.read()
    assert list(results.epochs["run_id"]) == ["a", "a"]
    assert math.isnan(results.epochs["val_accuracy_frac"][0])
    assert results.epochs["val_accuracy_frac"][1] == 0.6
    assert results.blocks["rank"].tolist() == [0, 1]
    assert results.blocks["is_warmup"].dtype == bool
    assert results.phases["phase"].tolist() == ["forward"]


def test_a_sweep_without_runs_has_empty_columns(store):
    store.write_sweep(SWEEP)
    results = store.read()
    assert results.runs == ()
    assert results.blocks["duration_s"].shape == (0,)
    assert results.blocks["run_id"].shape == (0,)


TEXT = st.text(max_size=30)
OPTIONAL_FLOAT = st.none() | st.floats(allow_nan=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    run_id=TEXT,
    sweep_id=TEXT,
    message=st.none() | TEXT,
    seed=st.integers(-(2**63), 2**63 - 1),
    loss=OPTIONAL_FLOAT,
    started=st.datetimes(timezones=st.just(START.tzinfo)),
    flags=st.lists(TEXT, max_size=3),
)
def test_any_run_survives(tmp_path, run_id, sweep_id, message, seed, loss, started, flags):
    store = ResultsStore(tmp_path / uuid.uuid4().hex)
    run = make_run(
        sweep_id=sweep_id,
        run_id=run_id,
        point=make_point(seed=seed),
        error_message=message,
        final_val_loss=loss,
        started_at_utc=started,
        flags=tuple(flags),
    )
    store.write_run(RunData(run=run))
    assert run in store.runs(sweep_id)


def test_flat_runs_round_trip():
    run = make_run()
    assert record_from_dict(flat_run(run)) == run


def test_error_messages_that_are_no_utf8_are_escaped(store):
    store.write_run(make_data(error_message="bad \udc80 byte"))
    assert store.runs(SWEEP.sweep_id)[0].error_message == "bad \\udc80 byte"


def test_the_newest_sweep_is_read_by_default(store):
    old = make_sweep(sweep_id="z-old", created_at_utc=START - timedelta(days=1))
    store.write_sweep(SWEEP)
    store.write_sweep(old)
    assert [sweep.sweep_id for sweep in store.sweeps()] == ["z-old", SWEEP.sweep_id]
    assert store.read().sweep == SWEEP
    assert store.read("z-old").sweep == old


def test_runs_of_other_sweeps_stay_out(store):
    store.write_sweep(SWEEP)
    store.write_run(make_data(sweep_id="other"))
    assert store.read().runs == ()
    assert store.read().epochs["epoch"].size == 0


def test_a_sweep_is_written_once(store):
    store.write_sweep(SWEEP)
    with pytest.raises(StoreError, match=r"has a sweep .* already"):
        store.write_sweep(SWEEP)


def test_failed_runs_are_not_finished(store):
    store.write_run(make_data(run_id="good"))
    store.write_run(make_data(run_id="bad", status="failed", with_tables=False))
    assert store.finished_run_ids(SWEEP.sweep_id) == {"good"}


def test_a_second_attempt_is_read_and_the_first_stays(store, tmp_path):
    store.write_sweep(SWEEP)
    first = make_data(status="failed", started_at_utc=START)
    again = make_data(attempt=2, with_tables=False, started_at_utc=START + timedelta(minutes=5))
    store.write_run(first)
    store.write_run(again)
    results = store.read()
    assert results.runs == (again.run,)
    assert results.failed_runs == ()
    assert results.epochs["epoch"].size == 0
    assert store.arrow("epochs").num_rows == 0
    assert store.arrow("runs")["attempt"].to_pylist() == [2]
    assert store.attempts(SWEEP.sweep_id) == (first.run, again.run)
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["a-a2.parquet", "a.parquet"]
    (blocks,) = (tmp_path / "results" / "blocks").rglob("*.parquet")
    assert pq.read_table(blocks)["attempt"].to_pylist() == [1, 1]


def test_unknown_sweeps_get_a_suggestion(store):
    store.write_sweep(SWEEP)
    with pytest.raises(StoreError, match="Did you mean '20260102T030405Z-abcdef'"):
        store.read("20260102T030405Z-abcdee")
    with pytest.raises(StoreError, match="It has: 20260102"):
        store.read("?")


def test_no_results(store, tmp_path):
    with pytest.raises(StoreError, match="does not exist"):
        store.read()
    store.check_writable()
    with pytest.raises(StoreError, match="has no results"):
        store.read()
    assert list((tmp_path / "results").iterdir()) == []


def test_a_file_in_place_of_the_folder_is_not_writable(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(
        StoreError, match=r"Cannot write .*\. Choose another place, or free this one\.$"
    ):
        ResultsStore(tmp_path / "results").check_writable()


@pytest.mark.parametrize("table", ["runs", "epochs", "sweeps", "environments"])
def test_a_truncated_file_is_named(store, tmp_path, table):
    store.write_sweep(SWEEP)
    store.write_run(make_data())
    (path,) = (tmp_path / "results" / table).rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(StoreError, match=rf"{path.name} is damaged"):
        store.read()


def test_a_killed_writer_leaves_nothing_that_is_read(store, tmp_path):
    store.write_sweep(SWEEP)
    store.write_run(make_data())
    root = tmp_path / "results"
    (runs,) = (root / "runs").glob("sweep=*")
    (runs / ".0123.tmp").write_bytes(b"PAR1 half")
    (root / "sweeps" / ".4567.tmp").write_bytes(b"")
    # Killed between its long tables and its run.
    store.write_run(make_data(run_id="b"))
    (runs / "b.parquet").unlink()
    results = store.read()
    assert [run.run_id for run in results.runs] == ["a"]
    assert set(results.epochs["run_id"]) == {"a"}
    assert results.missing_run_ids == ("b",)


def test_a_failing_rename_leaves_no_temporary_file(store, tmp_path):
    (tmp_path / "results" / "note.md" / "in the way").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"Cannot write"):
        store.write_text("note.md", "text")
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["note.md"]


def test_text_is_written_and_replaced(store, tmp_path):
    store.write_text("report.md", "old")
    path = store.write_text("report.md", "new: 1.78x ± 0.02")
    assert path == str(tmp_path / "results" / "report.md")
    assert (tmp_path / "results" / "report.md").read_text(encoding="utf-8").startswith("new")


def test_newer_results_ask_for_an_upgrade(store, tmp_path):
    store.write_sweep(SWEEP)
    (path,) = (tmp_path / "results" / "sweeps").glob("*.parquet")
    table = pq.read_table(path)
    metadata = {**table.schema.metadata, b"ray_bench.schema_version": b"99"}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(SchemaVersionError, match=r"version 99.*[Uu]pgrade"):
        store.read()


def test_pandas_reads_it_unaided(store, tmp_path):
    for run_id in ("a", "b"):
        store.write_run(make_data(run_id=run_id))
    frame = pd.read_parquet(tmp_path / "results" / "runs")
    assert sorted(frame["run_id"]) == ["a", "b"]
    assert set(frame["sweep"]) == {SWEEP.sweep_id}
    assert frame["throughput_samples_per_s"].dtype == np.float64


def test_equal_environments_are_stored_once(store, tmp_path):
    for run_id in ("a", "b"):
        store.write_run(make_data(run_id=run_id))
    other = make_environment(num_cpus=8)
    changed = make_data(run_id="c")
    run = dataclasses.replace(changed.run, environment_hash=other.environment_hash)
    store.write_run(dataclasses.replace(changed, run=run, environment=other))
    assert len(list((tmp_path / "results" / "environments").iterdir())) == 2


@pytest.mark.parametrize(("count", "codec"), [(3, "UNCOMPRESSED"), (20_000, "ZSTD")])
def test_only_large_tables_are_compressed_and_both_come_back(tmp_path, count, codec):
    location = Location(tmp_path)
    rows = [{**plain(make_data().blocks[0]), "attempt": 1}] * count
    location.write("one.parquet", table_bytes("blocks", rows))
    stored = pq.ParquetFile(tmp_path / "one.parquet").metadata.row_group(0).column(0)
    assert stored.compression == codec
    (table,) = read_tables(location, "blocks", ["one.parquet"])
    assert table.num_rows == count
