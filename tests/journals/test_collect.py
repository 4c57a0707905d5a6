"""Jobs that people ran anyway become curves."""

from __future__ import annotations

import os

import pytest
from typer.testing import CliRunner

from ray_bench.analysis.groups import groups_of
from ray_bench.cli.main import app
from ray_bench.journals.collect import collect
from ray_bench.store import ResultsStore
from tests.journals.made import job


def collected(root):
    store = ResultsStore(root)
    found = collect(store)
    return store, found


def groups(root):
    store, _ = collected(root)
    return groups_of(store.read())


def told(group):
    return group.runs[0].point.scaling, group.world_sizes


def test_jobs_are_stored_once(tmp_path):
    job(tmp_path, 1)
    job(tmp_path, 2, began_s=100.0)
    store, found = collected(tmp_path)
    assert len(found.run_ids) == 2
    assert collect(store).run_ids == ()
    (summary,) = store.summaries()
    assert (summary.workload, summary.world_sizes, summary.state) == (
        "train.py",
        (1, 2),
        "finished",
    )
    job(tmp_path, 2, began_s=200.0)
    assert len(collect(store).run_ids) == 1
    assert [run.repeat for run in store.runs(summary.sweep_id)] == [0, 0, 1]


@pytest.mark.parametrize(("batches", "scaling"), [((32, 32, 32), "weak"), ((64, 32, 16), "strong")])
def test_the_batches_tell_the_scaling(tmp_path, batches, scaling):
    for index, (size, batch) in enumerate(zip((1, 2, 4), batches, strict=True)):
        arguments = ("--batch-size", str(batch), "--lr", str(size), "--workers", "2")
        job(tmp_path, size, batch=batch, began_s=100.0 * index, arguments=arguments)
    (group,) = groups(tmp_path)
    assert told(group) == (scaling, (1, 2, 4))


def test_accumulation_that_makes_up_for_workers_is_one_curve(tmp_path):
    for index, size in enumerate((1, 2, 4)):
        job(tmp_path, size, batch=64 // size, num_backwards=4 // size, began_s=100.0 * index)
    (group,) = groups(tmp_path)
    assert told(group) == ("strong", (1, 2, 4))
    assert group.key["accumulate_steps"] == "at most 16 samples at once"


def test_a_job_may_be_of_both_curves(tmp_path):
    job(tmp_path, 1, batch=32)
    job(tmp_path, 2, batch=32, began_s=100.0)
    job(tmp_path, 2, batch=16, began_s=200.0)
    assert {told(x) for x in groups(tmp_path)} == {("weak", (1, 2)), ("strong", (1, 2))}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("precision", {"autocast": "float16"}),
        ("optimizer", {"optimizer": "AdamW"}),
        ("parameters", {"num_params": 2000}),
        ("arguments", {"arguments": ("--batch-size", "32", "--model", "large")}),
        ("compile", {"is_compiled": True}),
    ],
)
def test_what_is_not_comparable_is_another_curve(tmp_path, name, changes):
    job(tmp_path, 1)
    job(tmp_path, 2, began_s=100.0)
    job(tmp_path, 4, began_s=200.0, **changes)
    found = groups(tmp_path)
    assert [told(x) for x in found] == [("weak", (1, 2)), ("weak", (4,))]
    assert found[0].key[name] != found[1].key[name]


def test_another_strategy_is_another_curve_from_the_same_single_worker(tmp_path):
    job(tmp_path, 1)
    job(tmp_path, 2, began_s=100.0)
    job(tmp_path, 4, began_s=200.0, strategy="fsdp2")
    assert [told(x) for x in groups(tmp_path)] == [("weak", (1, 2)), ("weak", (1, 4))]


def test_unknown_samples_are_on_no_curve_and_the_report_says_so(tmp_path):
    for index, size in enumerate((1, 2)):
        job(tmp_path, size, source="unknown", began_s=100.0 * index)
    assert groups(tmp_path) == ()
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--format", "md"])
    assert done.exit_code == 0, done.output
    assert "ray_bench.step(num_samples=...)" in done.output


def test_the_report_says_what_the_script_holds_fixed(tmp_path):
    for index, size in enumerate((1, 2, 4)):
        job(tmp_path, size, began_s=100.0 * index)
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--format", "md"])
    assert done.exit_code == 0, done.output
    assert "Stored 3 attached jobs" in done.output
    assert "keeps 32 samples a worker at every world size: weak scaling" in done.output
    assert "World size 1 is the script without DDP" in done.output


def test_a_job_that_still_trains_waits_and_damage_is_said(tmp_path):
    job(tmp_path, 1, end={}, pid=os.getpid())
    damaged = job(tmp_path, 2, began_s=100.0)
    (damaged / "rank-0.jsonl").write_text("nonsense\n")
    job(tmp_path, 2, began_s=200.0, launched="script")
    _, found = collected(tmp_path)
    assert found.run_ids == ()
    assert [note.split(":")[1][:20] for note in found.notes] == [
        " 000000000-w1 still ",
        " a job is left out. ",
    ]


def test_a_job_that_was_taken_for_dead_and_ended_is_stored_again(tmp_path):
    folder = job(tmp_path, 1, end={})
    store, _ = collected(tmp_path)
    (before,) = store.runs(store.sweeps()[0].sweep_id)
    assert before.status == "interrupted"
    other = job(tmp_path / "other", 1)
    (folder / "rank-0.jsonl").write_text((other / "rank-0.jsonl").read_text())
    collect(store)
    (after,) = store.runs(store.sweeps()[0].sweep_id)
    assert (after.status, after.attempt) == ("ok", 2)
