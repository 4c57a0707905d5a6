"""Runs that diverge, or have no hope: they end early, and with what they were."""

from __future__ import annotations

import pytest

from ray_bench.config.load import load
from ray_bench.errors import ConfigError, ExplodedLossError, HopelessRunError, NonFiniteLossError
from ray_bench.launch.failures import describe, told_by
from ray_bench.measure.clock import SystemClock
from ray_bench.records import EpochRecord, PlannedRun
from ray_bench.sweep.progress import SweepProgress
from ray_bench.train.run import train_rank
from ray_bench.train.tally import Explosion
from tests.fakes import FakeClock, TinyWorkload
from tests.ranks import run_ranks
from tests.samples import make_point, make_run
from tests.train.test_loop import alone, request


def recorded(kind: type[Exception], **values):
    """The error of a run, and the epochs that it left."""
    kept = []
    with pytest.raises(kind) as caught:
        train_rank(request(**values), TinyWorkload(), alone(), FakeClock(1000), kept.append)
    return caught.value, [record for record in kept if isinstance(record, EpochRecord)]


def test_a_rate_that_is_far_too_high_ends_the_run_as_diverged():
    error, epochs = recorded(ExplodedLossError, lr=1e4, epochs=200)
    assert len(epochs) < 200
    assert "raise stop.diverged_factor" in str(error)
    assert told_by(error, 1).status == describe(error).status == "diverged"
    assert told_by(NonFiniteLossError("nan"), 0).status == "diverged"
    assert told_by(ValueError("other"), 0).status == "failed"


def test_a_run_without_hope_is_stopped_after_its_evaluation_is_recorded():
    hope = {"hopeless_epochs": 2, "hopeless_accuracy": 0.99}
    error, epochs = recorded(HopelessRunError, lr=1e-6, epochs=9, stop=hope)
    assert len(epochs) == 2
    assert epochs[-1].val_accuracy_frac < 0.99
    assert told_by(error, 0).status == "stopped"


def test_a_first_loss_of_nothing_says_nothing():
    explosion = Explosion(1000)
    for loss in (0.0, 1e9):
        explosion.check(loss, epoch=1, step=1)
    assert explosion.first == 0.0


def test_a_loss_is_far_beyond_the_first_only_above_the_factor():
    explosion = Explosion(1000)
    for loss in (2.0, 2000.0):
        explosion.check(loss, epoch=1, step=1)
    with pytest.raises(ExplodedLossError, match=r"became 2\.01e\+03 in epoch 3, by step 7"):
        explosion.check(2010.0, epoch=3, step=7)


def test_a_loss_can_be_without_hope_too_and_within_an_epoch():
    hope = {"hopeless_epochs": 0.5, "hopeless_loss": 0.01}
    evaluation = {"every_samples": 12}
    error, epochs = recorded(HopelessRunError, epochs=9, stop=hope, evaluation=evaluation)
    assert epochs == []
    assert "above stop.hopeless_loss=0.01 after stop.hopeless_epochs=0.5" in str(error)


def test_all_ranks_end_a_run_that_has_no_hope_beside_others(tmp_path):
    def job(group):
        asked = []

        def judge(num_samples, score):
            asked.append((num_samples, score))
            return "far behind" if len(asked) == 2 else None

        with pytest.raises(HopelessRunError, match="far behind"):
            train_rank(
                request(2, epochs=5),
                TinyWorkload(),
                group,
                SystemClock(group.device),
                judge=judge,
            )
        return asked

    first, second = run_ranks(job, 2, tmp_path)
    assert [seen for seen, _ in first] == [50, 100]
    assert all(0 <= score <= 1 for _, score in first)
    assert second == []  # rank 0 alone asks


@pytest.mark.parametrize(
    "values",
    [
        ["stop.hopeless=true", "evaluation=off"],
        ["stop.hopeless_epochs=2", "stop.hopeless_accuracy=0.5", "epochs=null", "steps=9"],
    ],
)
def test_hope_needs_evaluations(values):
    with pytest.raises(ConfigError, match=r"found at evaluations, and none are made; set evalu"):
        load("demo", values)


@pytest.mark.parametrize(
    "value", ["stop.hopeless_epochs=2", "stop.hopeless_accuracy=0.5", "stop.hopeless_loss=1"]
)
def test_half_a_rule_is_refused(value):
    with pytest.raises(ConfigError, match="give both, or none"):
        load("demo", [value])


@pytest.mark.parametrize(
    ("status", "repeats"),
    [("ok", False), ("diverged", False), ("stopped", False), ("failed", True)],
)
def test_what_a_training_did_is_not_made_again(status, repeats):
    assert make_run(status=status).must_repeat is repeats


@pytest.mark.parametrize(("last", "goes_on"), [("stopped", False), ("failed", True)])
def test_a_sweep_with_runs_that_diverged_is_over(last, goes_on):
    planned = [PlannedRun(point=make_point(seed=n), repeat=0, order_index=n) for n in range(2)]
    progress = SweepProgress(planned)
    for run, status in zip(planned, ("diverged", last), strict=True):
        progress.finished(make_run(point=run.point, run_id=run.run_id, status=status))
    assert progress.must_go_on is goes_on
    assert "1 diverged" in progress.outcome
