"""`ray-bench fit` on a table with peak memory."""

from __future__ import annotations

import json

import pytest

TABLE = """GPUs,global_batch_size,images/s,Max GPU memory (GiB)
2,256,500,32
4,256,960,20
8,256,1800,14
"""


@pytest.fixture
def file(tmp_path) -> str:
    path = tmp_path / "runs.csv"
    path.write_text(TABLE)
    return str(path)


def test_peak_memory_is_forecast_where_the_batch_is_known(ray_bench, file):
    outcome = ray_bench("fit", file, "--at", "1", "--at", "16", "--format", "json")
    assert outcome.code == 0, outcome.err
    memory = json.loads(outcome.out)["peak_memory"]
    values = {x["world_size"]: x["bytes"]["value"] / 2**30 for x in memory["predictions"]}
    assert values == pytest.approx({1: 56, 16: 11})


def test_the_page_says_what_it_rests_on(ray_bench, file):
    text = ray_bench("fit", file, "--at", "1", "--format", "md").out
    assert "Peak memory of a worker = column 'Max GPU memory (GiB)'." in text
    assert "from batches of 32 to 128" in text


def test_without_the_column_there_is_none(ray_bench, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(line.rpartition(",")[0] for line in TABLE.splitlines()))
    outcome = ray_bench("fit", str(path), "--format", "json")
    assert json.loads(outcome.out)["peak_memory"] is None
