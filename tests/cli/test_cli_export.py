"""Tests of `ray-bench export` on the golden store."""

from __future__ import annotations

import csv
import io

import pyarrow.parquet as pq
import pytest

from ray_bench.store import ResultsStore
from ray_bench.store.schema import SCHEMAS
from tests.golden.make import STORE
from tests.samples import START, make_data, make_sweep

GOLDEN = str(STORE)


@pytest.fixture
def two_sweeps(store):
    for sweep_id, year in (("old", 2020), ("new", 2021)):
        created = START.replace(year=year)
        store.write_sweep(make_sweep(sweep_id=sweep_id, created_at_utc=created, run_ids=("a",)))
        store.write_run(make_data(sweep_id=sweep_id))
    return store.root


def test_the_tidy_table_has_a_row_for_every_run(ray_bench, tmp_path):
    path = tmp_path / "deep" / "runs.parquet"
    outcome = ray_bench("export", GOLDEN, "--output", str(path))
    assert (outcome.code, outcome.out) == (0, "")
    assert f"Written: {path} (7 rows)" in outcome.err
    rows = pq.read_table(path).to_pylist()
    (failed,) = [row for row in rows if row["status"] == "failed"]
    assert (failed["curve"], failed["speedup"], failed["is_on_curve"]) == (None, None, False)
    for row in rows:
        if row["status"] == "ok":
            assert row["mean_efficiency_frac"] == pytest.approx(
                row["mean_speedup"] / row["world_size"]
            )
            assert row["cost"] == pytest.approx(row["worker_s"] / 3600 * 1.5)
            assert row["cpu_model"] == "Made-up CPU"
    fours = [row for row in rows if row["world_size"] == 4 and row["status"] == "ok"]
    assert len({row["speedup"] for row in fours}) == 2
    assert len({row["mean_speedup"] for row in fours}) == 1
    assert 3.4 < fours[0]["mean_speedup_low"] < fours[0]["mean_speedup"] < 3.55


def test_csv_is_printed_without_output(ray_bench):
    outcome = ray_bench("export", GOLDEN, "--table", "epochs")
    rows = list(csv.DictReader(io.StringIO(outcome.out, newline="")))
    assert len(rows) == 30
    assert rows[0].keys() >= {"sweep_id", "run_id", "epoch", "train_loss"}


def test_all_tables_go_into_a_folder(ray_bench, tmp_path):
    outcome = ray_bench("export", GOLDEN, "--table", "all", "--output", str(tmp_path / "out"))
    assert outcome.code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{name}.csv" for name in ("tidy", *SCHEMAS)}


def test_a_price_is_that_of_the_sweep_or_of_the_call(ray_bench):
    outcome = ray_bench("export", GOLDEN, "--price", "3", "--currency", "EUR")
    row = next(csv.DictReader(io.StringIO(outcome.out)))
    assert float(row["cost"]) == pytest.approx(float(row["worker_s"]) / 1200)
    assert row["currency"] == "EUR"


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ([], ["new"]),
        (["--sweep", "old"], ["old"]),
        (["--sweep", "new", "--sweep", "old"], ["new", "old"]),
        (["--every-sweep"], ["old", "new"]),
    ],
)
@pytest.mark.parametrize("table", ["tidy", "blocks"])
def test_sweeps_are_chosen(ray_bench, two_sweeps, table, arguments, ids):
    outcome = ray_bench("export", two_sweeps, "--table", table, *arguments)
    rows = csv.DictReader(io.StringIO(outcome.out))
    assert list(dict.fromkeys(row["sweep_id"] for row in rows)) == ids


def test_a_file_that_is_there_is_not_replaced_without_force(ray_bench, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("mine")
    outcome = ray_bench("export", GOLDEN, "--output", str(path))
    assert outcome.code == 2
    assert "is there already; give --force" in outcome.err
    assert path.read_text() == "mine"
    assert ray_bench("export", GOLDEN, "--output", str(path), "--force").code == 0
    assert path.read_text().startswith('"world_size",')


def test_no_file_of_a_folder_is_written_if_one_is_there(ray_bench, tmp_path):
    (tmp_path / "runs.csv").write_text("mine")
    outcome = ray_bench("export", GOLDEN, "--table", "all", "--output", str(tmp_path))
    assert outcome.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]


def test_a_uri_is_read_and_written(ray_bench, two_sweeps, tmp_path):
    uri = f"file://{tmp_path}/handed-on/blocks.parquet"
    outcome = ray_bench("export", f"file://{two_sweeps}", "--table", "blocks", "--output", uri)
    assert outcome.code == 0, outcome.err
    assert pq.read_table(tmp_path / "handed-on" / "blocks.parquet").num_rows == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 1, "nowhere does not exist"),
        ([GOLDEN, "--sweep", "sweep-2"], 1, "Did you mean 'sweep-1'?"),
        ([GOLDEN, "--table", "blcks"], 2, "did you mean 'blocks'?"),
        ([GOLDEN, "--table", "xyz"], 2, "there are tidy, sweeps, runs"),
        ([GOLDEN, "--format", "parquet"], 2, "give a file as --output"),
        ([GOLDEN, "--table", "all"], 2, "give one as --output"),
        ([GOLDEN, "--format", "csv", "--output", "x.parquet"], 2, "does not end in .csv"),
        ([GOLDEN, "--every-sweep", "--sweep", "sweep-1"], 2, "give one of them"),
    ],
)
def test_wrong_requests(ray_bench, arguments, code, message):
    outcome = ray_bench("export", *arguments)
    assert outcome.code == code
    assert message in outcome.err


def test_a_store_is_not_changed_by_an_export(ray_bench, store, tmp_path):
    store.write_sweep(make_sweep(run_ids=("a",)))
    store.write_run(make_data())
    before = ResultsStore(store.root).read()
    ray_bench("export", store.root, "--table", "all", "--output", str(tmp_path / "out"))
    assert ResultsStore(store.root).read().runs == before.runs


def test_the_report_is_printed_as_csv(ray_bench):
    outcome = ray_bench("report", GOLDEN, "--format", "csv")
    assert (outcome.code, outcome.err) == (0, "")
    lines = list(csv.DictReader(io.StringIO(outcome.out), strict=True))
    assert lines[2]["what"] == "answer"
    assert lines[2]["value"].startswith("Use 4 workers")
