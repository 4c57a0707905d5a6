"""What trackers are told of a run."""

from datetime import timedelta

import pytest

from ray_bench.trackers.entry import Entries
from tests.samples import START, make_data, make_point, make_run

ALONE = {"point": make_point(world_size=1, is_ddp=False, local_batch_size=64)}


def test_an_entry_has_what_the_record_has_and_nothing_that_is_unknown():
    data = make_data(setup_s=4.0, peak_memory_bytes=2**20)
    entry = Entries().of(data)
    assert (entry.name, entry.world_size, entry.status) == ("a", 2, "ok")
    assert entry.parameters["precision"] == "fp32"
    assert entry.parameters["lr_rule"] == "linear"
    assert entry.metrics["run/throughput_samples_per_s"] == data.run.throughput_samples_per_s
    assert entry.metrics["run/peak_memory_bytes"] == 2**20
    assert entry.ended_at_utc == START + timedelta(seconds=12.3)
    for name in ("run/energy_j", "run/cost", "run/efficiency_frac"):
        assert name not in entry.metrics
    assert "error_message" not in entry.parameters


def test_epochs_have_their_own_unknowns_and_times():
    first, second = Entries().of(make_data(setup_s=4.0)).epochs
    assert (first.epoch, second.epoch) == (1, 2)
    assert "epoch/val_accuracy_frac" not in first.metrics
    assert second.metrics["epoch/val_accuracy_frac"] == 0.6
    assert second.metrics["epoch/train_loss"] == 1.0
    assert second.ended_at_utc == START + timedelta(seconds=4.0 + 2 * 1.5)


def test_cost_is_of_training_and_validation_of_all_workers():
    data = make_data(train_s=1800.0, eval_s=1800.0, wall_s=9999.0)
    assert Entries(price_per_worker_hour=2.5).of(data).metrics["run/cost"] == pytest.approx(5.0)
    assert (
        Entries(price_per_worker_hour=2.5, currency="EUR").of(data).parameters["currency"] == "EUR"
    )
    assert "run/cost" not in Entries(price_per_worker_hour=2.5).of(make_data()).metrics


def test_efficiency_is_against_the_runs_of_one_worker_so_far():
    entries = Entries(finished=[make_run(run_id="b", throughput_samples_per_s=400.0, **ALONE)])
    entries.of(make_data(run_id="c", throughput_samples_per_s=900.0, **ALONE))
    entry = entries.of(make_data(throughput_samples_per_s=960.0))
    assert entry.metrics["run/efficiency_frac"] == pytest.approx(960 / (2 * 600))


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed", "throughput_samples_per_s": None},
        {"flags": ("clock_mismatch",)},
        {"trainer": "plain"},
        {"point": make_point(world_size=1, is_ddp=True, local_batch_size=64)},
        {"point": make_point(world_size=1, is_ddp=False, precision="bf16")},
    ],
)
def test_what_cannot_be_compared_is_no_baseline(changes):
    entries = Entries(finished=[make_run(**{**ALONE, **changes})])
    assert "run/efficiency_frac" not in entries.of(make_data()).metrics


def test_a_failed_run_says_why_and_a_later_attempt_has_its_own_name():
    entry = Entries().of(
        make_data(
            with_tables=False, attempt=2, status="failed", error_type="ValueError",
            error_message="<script>no</script>", throughput_samples_per_s=None, flags=("emulated",),
        )
    )  # fmt: skip
    assert entry.name == "a-attempt2"
    assert entry.parameters["error_message"] == "<script>no</script>"
    assert entry.parameters["flags"] == "emulated"
    assert entry.metrics == {"run/wall_s": 12.3}
