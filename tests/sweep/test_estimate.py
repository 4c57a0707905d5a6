"""How long a run is expected to take, from runs whose parts are known."""

import pytest

from ray_bench.config.grid import expand
from ray_bench.config.schema import SweepConfig
from ray_bench.sweep.estimate import Estimates
from ray_bench.workloads.catalog import BUILTIN
from tests.samples import make_point, make_run


def config_of(**changes):
    values = {"workload": "cnn-digits", "world_sizes": (1, 2, 4), "batch_size": 64, "epochs": 10}
    return SweepConfig(**{**values, **changes}).with_defaults(BUILTIN["cnn-digits"].defaults)


def run_of(size, *, rate, batch=64, **changes):
    """A run of 1000 samples and 10 epochs: 5 s to start, 1 s to evaluate in all."""
    values = {
        "point": make_point(world_size=size, is_ddp=size > 1, global_batch_size=batch),
        "num_train_samples": 1000,
        "num_epochs": 10.0,
        "setup_s": 5.0,
        "eval_s": 1.0,
        "train_s": 10_000 / rate,
        "wall_s": 5.0 + 1.0 + 10_000 / rate,
        "throughput_samples_per_s": rate,
    }
    return make_run(**{**values, **changes})


def point_of(config, size):
    return next(run.point for run in expand(config) if run.point.world_size == size)


def test_a_point_that_was_measured_takes_as_long_again():
    config = config_of()
    found = Estimates(config, [run_of(1, rate=1000.0)]).of(point_of(config, 1))
    assert found.basis == "1 earlier run"
    assert (found.seconds.low_s, found.seconds.high_s) == pytest.approx((16 * 0.8, 16 * 1.2))


def test_twice_the_epochs_are_twice_the_training_and_no_second_start():
    config = config_of(epochs=20)
    found = Estimates(config, [run_of(1, rate=1000.0)]).of(point_of(config, 1))
    assert found.seconds.low_s == pytest.approx((5 + 2 + 20) * 0.8)


def test_steps_count_samples():
    config = config_of(epochs=None, steps=100)
    found = Estimates(config, [run_of(1, rate=1000.0)]).of(point_of(config, 1))
    assert found.seconds.low_s == pytest.approx((5 + 6.4) * 0.8)  # and evaluate nothing


def test_steps_that_are_evaluated_take_longer():
    config = config_of(epochs=None, steps=100, evaluation={"every": 1})
    found = Estimates(config, [run_of(1, rate=1000.0)]).of(point_of(config, 1))
    assert found.seconds.low_s == pytest.approx((5 + 0.1 * 7 + 6.4) * 0.8)


def test_steps_of_batches_that_are_the_workloads_own_count_what_these_had():
    config = config_of(epochs=None, steps=100)
    counted = {"mean_local_samples": 10.0, "least_local_samples": 4, "most_local_samples": 16}
    found = Estimates(config, [run_of(1, rate=1000.0, **counted)]).of(point_of(config, 1))
    assert found.seconds.low_s == pytest.approx((5 + 1.0) * 0.8)  # steps: nothing is evaluated


def test_another_world_size_lies_between_no_gain_and_a_linear_one():
    config = config_of()
    found = Estimates(config, [run_of(2, rate=1000.0)]).of(point_of(config, 4))
    assert "2 workers, no gain to linear gain" in found.basis
    assert found.seconds.low_s == pytest.approx((6 + 5) * 0.8)
    assert found.seconds.high_s == pytest.approx((5 * 2 + 1 + 10) * 1.2)
    down = Estimates(config, [run_of(2, rate=1000.0)]).of(point_of(config, 1))
    assert down.seconds.high_s == pytest.approx((6 + 20) * 1.2)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed"},
        {"throughput_samples_per_s": None},
        {"ladder_id": "x"},
        {"setup_s": None},
        {"point": make_point(world_size=1, workload="other", is_ddp=False)},
        {"point": make_point(world_size=1, is_ddp=False, global_batch_size=128)},
        {"point": make_point(world_size=1, is_ddp=False, precision="bf16")},
    ],
)
def test_what_is_not_alike_tells_nothing(changes):
    config = config_of()
    found = Estimates(config, [run_of(1, rate=1000.0, **changes)])
    assert found.of(point_of(config, 1)) is None
    assert found.total([point_of(config, 1)]) is None


def test_runs_at_a_time_share_the_time():
    config = config_of(launch={"max_concurrent": 2})
    estimates = Estimates(config, [run_of(1, rate=1000.0)])
    point = point_of(config, 1)
    assert estimates.total([point, point]).low_s == pytest.approx(16 * 0.8)
