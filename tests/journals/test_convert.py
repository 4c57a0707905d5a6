"""From the files of ranks to the record of a run."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from ray_bench.errors import StoreError, TrainingError
from ray_bench.journals.convert import attached_run
from ray_bench.records import RunData
from tests.journals.made import job
from tests.samples import make_environment, make_point


def run_of(folder, **known) -> RunData:
    return attached_run(folder, sweep_id="s", run_id="r", **known)


def test_a_job_that_ended_well(tmp_path):
    data = run_of(job(tmp_path, 2))
    run, point = data.run, data.run.point
    assert (run.status, run.launched, run.strategy) == ("ok", "attached", "ddp")
    assert (point.workload, point.world_size, point.global_batch_size) == ("train.py", 2, 64)
    assert (point.scaling, point.lr_rule, point.seed, point.base_lr) == (None, None, None, None)
    assert (point.precision, point.lr, point.is_ddp, point.bucket_cap) == ("fp32", 0.1, True, "25")
    assert run.throughput_samples_per_s == pytest.approx(64 / 0.01001, rel=1e-3)
    assert run.samples_per_step == 64
    assert (run.setup_s, run.wall_s, run.num_steps) == (2.0, 60.0, 3 + 27 * 10)
    assert {block.run_id for block in data.blocks} == {"r"}
    assert {block.applied_lr for block in data.blocks} == {0.1}
    assert len(data.blocks) == 60
    assert run.environment_hash == data.environment.environment_hash
    assert run.flags == ()


def test_what_was_asked_for_stays_and_the_rest_is_filled_in(tmp_path):
    folder = job(tmp_path, 2, batch=16, dtype="float32", autocast="bfloat16", num_backwards=2)
    unknown = make_point(precision=None, lr=None, global_batch_size=None, local_batch_size=None)
    run = run_of(folder, point=unknown, launched="script", trainer="plain", wall_s=9.0).run
    filled = replace(unknown, precision="bf16", lr=0.1, global_batch_size=32, local_batch_size=16)
    assert run.point == replace(filled, compile="none", bucket_cap="25", accumulate_steps=2)
    assert (run.launched, run.trainer, run.wall_s) == ("script", "plain", 9.0)
    assert run.found_precision == "float32, autocast bfloat16"


def test_a_job_that_was_killed_keeps_what_it_measured(tmp_path):
    folder = job(tmp_path, 2, end={})
    path = folder / "rank-1.jsonl"
    path.write_text(path.read_text()[:-20])  # a line was cut off
    data = run_of(folder)
    assert (data.run.status, data.run.error_type, data.run.error_rank) == (
        "interrupted",
        "Killed",
        0,
    )
    assert "270 timed steps" in data.run.error_message
    assert data.run.throughput_samples_per_s is not None
    assert len(data.blocks) == 59
    assert "unequal_steps" in data.run.flags


def test_a_script_that_failed_tells_why(tmp_path):
    error = {"error_type": "ValueError", "error_message": "planted", "error_traceback": "Trace"}
    data = run_of(job(tmp_path, 1, end=error))
    assert (data.run.status, data.run.error_message, data.run.error_rank) == (
        "failed",
        "planted",
        0,
    )
    (failure,) = data.failures
    assert (failure.error_type, failure.error_traceback) == ("ValueError", "Trace")


def test_ranks_without_a_file_are_named(tmp_path):
    run = run_of(job(tmp_path, 4, ranks=2)).run
    assert (run.status, run.error_type) == ("failed", "RankFilesMissing")
    assert "Ranks 2, 3 left no file" in run.error_message
    assert run.throughput_samples_per_s is None
    assert run.point.global_batch_size is None


def test_hosts_of_one_name_are_told_apart_by_who_started_their_ranks(tmp_path):
    few = {"environment": {**asdict(make_environment()), "num_cpus": 1}}
    folder = job(tmp_path, 2, **few)
    assert run_of(folder).environment.num_nodes == 1
    data = run_of(folder, rank_node_ids=("a", "b"))
    assert data.environment.num_nodes == 2
    assert "oversubscribed" not in data.run.flags  # a core each


def test_unknown_samples_are_no_throughput(tmp_path):
    run = run_of(job(tmp_path, 2, source="unknown")).run
    assert (run.throughput_samples_per_s, run.point.local_batch_size) == (None, None)
    assert run.step_time_s == pytest.approx(0.01001, rel=1e-3)
    assert "samples_unknown" in run.flags


def test_ranks_that_share_a_gpu_or_cores_are_flagged(tmp_path):
    few = {"environment": {**asdict(make_environment()), "num_cpus": 1}}
    assert "oversubscribed" in run_of(job(tmp_path, 2, **few)).run.flags
    shared = job(tmp_path, 2, gpu_uuid="GPU-1", began_s=1.0, **few)
    assert "oversubscribed" in run_of(shared).run.flags


def test_sharded_parameters_add_up(tmp_path):
    run = run_of(job(tmp_path, 4, strategy="fsdp1", num_params=250)).run
    assert (run.num_params, run.strategy, run.point.is_ddp) == (1000, "fsdp1", False)


def test_a_file_of_a_version_that_knew_less_is_read(tmp_path):
    folder = job(tmp_path, 1)
    path = folder / "rank-0.jsonl"
    path.write_text(path.read_text().replace('"applied_lr"', '"an_older_name"'))
    assert run_of(folder).run.point.lr is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense\n", "line 1 is no JSON"),
        ("[1]\n", "line 1 is no object"),
        ('{"kind": "facts"}\n', "it does not tell began_unix_s"),
    ],
)
def test_damaged_files_are_said(tmp_path, text, why):
    folder = job(tmp_path, 1)
    (folder / "rank-0.jsonl").write_text(text)
    with pytest.raises(StoreError, match=why):
        run_of(folder)


def test_a_launch_without_a_step_has_a_remedy(tmp_path):
    with pytest.raises(TrainingError, match=r"ray_bench\.step"):
        run_of(tmp_path)
