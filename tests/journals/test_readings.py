"""What instruments and the script itself told, as records of a run and as a store keeps them."""

from __future__ import annotations

import math

import pytest

from ray_bench.analysis.parity.asked import asked_target, complaint
from ray_bench.analysis.parity.history import histories_of
from ray_bench.analysis.parity.outcomes import reached
from ray_bench.config.metric_target import parse_target
from ray_bench.errors import ConfigError
from ray_bench.journals.collect import collect
from ray_bench.journals.convert import attached_run
from ray_bench.store import ResultsStore
from tests.journals.made import job

USE = {
    "util_frac": 0.9,
    "memory_util_frac": None,
    "clock_mhz": 1500.0,
    "temperature_c": 60.0,
    "throttle_reasons": ["power cap"],
}


def run_of(folder):
    return attached_run(folder, sweep_id="s", run_id="r")


def read(rank, *, reads_energy=True, energy_j=10.0, **use):
    seen = {"peak_memory_bytes": 100 + rank, "reads_energy": reads_energy, "energy_j": energy_j}
    gpu = {**USE, **use} if use else None
    return {"kind": "instruments", "only": rank, **seen, "gpu": gpu}


def said(steps, values, only=0, trained_s=1.0):
    spent = {"num_steps": steps, "num_samples": 32 * steps, "trained_s": trained_s}
    return {"kind": "metric", "only": only, "values": values, **spent}


def evaluated(steps, eval_s, trained_s=1.0):
    spent = {"num_steps": steps, "num_samples": 32 * steps, "trained_s": trained_s}
    return {"kind": "evaluation", "eval_s": eval_s, **spent}


@pytest.mark.parametrize(
    ("second", "energy_j"),
    [
        ({"energy_j": 5.0}, 15.0),
        ({"reads_energy": False, "energy_j": None}, 10.0),  # the first rank reads their host
        ({"energy_j": None}, None),
    ],
)
def test_energy_is_the_sum_of_those_that_read_and_unknown_if_one_is(tmp_path, second, energy_j):
    run = run_of(job(tmp_path, 2, more=[read(0), read(1, **second)])).run
    assert (run.energy_j, run.peak_memory_bytes, run.gpu_util_frac) == (energy_j, 101, None)


def test_the_use_of_gpus_is_a_mean_and_the_hottest_counts(tmp_path):
    hot = read(1, util_frac=0.7, temperature_c=80.0, throttle_reasons=["hardware slowdown"])
    run = run_of(job(tmp_path, 2, more=[read(0, util_frac=0.9), hot])).run
    assert (run.gpu_util_frac, run.gpu_temperature_c) == (pytest.approx(0.8), 80.0)
    assert (run.gpu_memory_util_frac, run.gpu_clock_mhz) == (None, 1500.0)
    assert run.gpu_throttle_reasons == ("power cap", "hardware slowdown")
    assert "gpu_throttled" in run.flags


def test_a_rank_that_was_killed_before_it_could_say_leaves_them_unknown(tmp_path):
    run = run_of(job(tmp_path, 2, end={}, more=[read(0, util_frac=0.9)])).run
    assert (run.energy_j, run.peak_memory_bytes, run.gpu_util_frac) == (None, None, None)


def test_operations_of_a_sample(tmp_path):
    counted = {"kind": "flops", "num_flops": 6400, "num_samples": 32}
    run = run_of(job(tmp_path, 2, more=[counted], device_peak_flops_per_s=1e12)).run
    assert (run.flops_per_sample, run.device_peak_flops_per_s) == (200.0, 1e12)


def test_evaluations_and_numbers_are_rows_by_the_steps_they_came_after(tmp_path):
    lines = [
        said(10, {"train_loss": 2.0}, trained_s=1.0),
        evaluated(20, 0.5, trained_s=2.0),
        said(20, {"Val_Loss": 1.5}, trained_s=2.0),
        said(20, {"val_acc": 93.0, "f1": math.nan}, trained_s=2.0),
        evaluated(30, 0.25, trained_s=3.0),
    ]
    data = run_of(job(tmp_path, 2, more=lines))
    first, second, third = data.evaluations
    assert (first.metric_names, first.metric_values, first.eval_s) == (
        ("train_loss",),
        (2.0,),
        None,
    )
    assert (second.num_samples, second.val_loss) == (64 * 20, 1.5)
    assert second.val_accuracy_frac is None  # in percent: kept by its name alone
    assert second.metric_names == ("Val_Loss", "val_acc", "f1")
    assert (second.train_s, second.with_eval_s, second.eval_s) == (2.0, 2.5, 0.5)
    assert (third.metric_names, third.with_eval_s, third.epoch) == ((), 3.75, 2)
    assert data.run.eval_s == 0.75
    assert (data.run.final_val_loss, data.run.final_val_accuracy_frac) == (1.5, None)


def test_numbers_of_another_rank_than_the_first_are_kept(tmp_path):
    data = run_of(job(tmp_path, 2, more=[said(10, {"val_loss": 1.0}, only=1)]))
    assert [x.val_loss for x in data.evaluations] == [1.0]


def test_where_samples_are_unknown_they_are_so_here_too(tmp_path):
    data = run_of(job(tmp_path, 2, source="unknown", more=[said(10, {"val_loss": 1.0})]))
    assert [x.num_samples for x in data.evaluations] == [None]


def test_a_store_keeps_numbers_by_name(tmp_path):
    job(tmp_path, 1, more=[evaluated(20, 0.5), said(20, {"bleu": 31.0, "chrf": 0.5})])
    store = ResultsStore(tmp_path)
    collect(store)
    table = store.read().evaluations
    assert table["num_samples"].tolist() == [640]
    assert list(table["metric_names"][0]) == ["bleu", "chrf"]
    assert list(table["metric_values"][0]) == [31.0, 0.5]
    assert math.isnan(table["val_loss"][0])


def told(folder, *each):
    lines = []
    for i, values in enumerate(each, start=1):
        lines += [evaluated(20 * i, 0.5, 2.0 * i), said(20 * i, values, 0, 2.0 * i)]
    job(folder, 2, more=lines)
    store = ResultsStore(folder)
    collect(store)
    return store.read()


def test_loss_of_a_script_is_that_of_training_and_no_target(tmp_path):
    """Its training loss is at 0.3 long before its validation loss is."""
    both = told(tmp_path / "a", {"loss": 0.2, "val_loss": 0.9}, {"loss": 0.1, "val_loss": 0.25})
    (run,) = both.runs
    assert (run.final_train_loss, run.final_val_loss) == (0.1, 0.25)
    target = parse_target("loss<=0.3")
    assert complaint(both, target) is None
    assert reached(histories_of(both)[run.run_id], target).samples == 64 * 40

    alone = told(tmp_path / "b", {"Loss": 0.2, "f1": 0.5})
    (run,) = alone.runs
    assert (run.final_train_loss, run.final_val_loss) == (0.2, None)
    assert reached(histories_of(alone)[run.run_id], target) is None
    with pytest.raises(ConfigError) as err:
        asked_target(alone, "loss<=0.3")
    assert "what a script tells as 'loss' is its training loss" in str(err.value)
    assert "There is Loss (of training), f1. Let the script call" in str(err.value)
    assert asked_target(alone, "f1>=0.4") is not None


def test_a_target_is_reached_by_what_a_script_told(tmp_path):
    lines = []
    for steps, accuracy in ((20, 0.5), (40, 0.7), (60, 0.8)):
        trained_s = steps / 10
        lines += [
            evaluated(steps, 0.5, trained_s),
            said(steps, {"val_acc": accuracy}, 0, trained_s),
        ]
    job(tmp_path, 2, more=lines)
    store = ResultsStore(tmp_path)
    (run_id,) = collect(store).run_ids
    found = reached(histories_of(store.read())[run_id], parse_target("val_accuracy>=0.6"))
    assert (found.samples_before, found.samples) == (64 * 20, 64 * 40)
    assert (found.train_s, found.with_eval_s) == (4.0, 5.0)
