"""Tests of `ray-bench sweeps`."""

import json
from datetime import timedelta

from tests.samples import START, make_data, make_sweep

CONFIG = json.dumps({"workload": "cnn-digits", "world_sizes": [1, 2]})


def fill(store):
    """A sweep that failed, one that a second attempt completed, and one that is unfinished."""
    for number, sweep_id in enumerate(("failed", "complete", "unfinished")):
        created = START + timedelta(hours=number)
        store.write_sweep(make_sweep(sweep_id=sweep_id, created_at_utc=created, config_json=CONFIG))
        store.write_run(make_data(sweep_id=sweep_id, status="diverged", with_tables=False))
    store.write_run(make_data(sweep_id="failed", run_id="b", with_tables=False))
    store.write_run(make_data(sweep_id="complete", run_id="b", with_tables=False))
    store.write_run(make_data(sweep_id="complete", attempt=2, with_tables=False))


def test_a_row_a_sweep_newest_first(ray_bench, store):
    fill(store)
    outcome = ray_bench("sweeps", store.root)
    _, rule, *rows = outcome.out.splitlines()
    assert set(rule) == {"-", " "}
    assert [row.split()[0] for row in rows] == ["unfinished", "complete", "failed"]
    assert [row.split()[3:] for row in rows] == [
        ["cnn-digits", "1,2", "0", "1", "2", "unfinished"],
        ["cnn-digits", "1,2", "2", "0", "2", "complete"],
        ["cnn-digits", "1,2", "1", "1", "2", "failed"],
    ]
    assert rows[2].split()[1:3] == ["2026-01-02", "03:04:05"]


def test_json_and_a_limit(ray_bench, store):
    fill(store)
    outcome = ray_bench("sweeps", store.root, "--format", "json", "--limit", "1")
    (found,) = json.loads(outcome.out)
    assert found["sweep_id"] == "unfinished"
    assert (found["num_done"], found["num_failed"], found["num_planned"]) == (0, 1, 2)
    assert found["world_sizes"] == [1, 2]
    assert "2 older ones" in ray_bench("sweeps", store.root, "--limit", "1").err


def test_nothing_there(ray_bench, store):
    outcome = ray_bench("sweeps", store.root)
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == f"There are no sweeps in {store.root}.\n"
    assert ray_bench("sweeps", store.root, "--format", "json").out == "[]\n"


def test_ids_cannot_steer_the_terminal(ray_bench, store):
    store.write_sweep(make_sweep(sweep_id="a\x1b[2J\nb", config_json="[" * 100_000))
    (_, _, row) = ray_bench("sweeps", store.root).out.splitlines()
    assert row.startswith("a?[2J?b ")
