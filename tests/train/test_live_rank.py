"""What a rank says of itself while it trains."""

from __future__ import annotations

import pytest

from ray_bench.errors import TrainingError
from ray_bench.measure.clock import SystemClock
from ray_bench.train.live import LiveRank
from ray_bench.train.merge import merge
from ray_bench.train.run import train_rank
from tests.fakes import TinyWorkload
from tests.train.test_loop import alone, request


class Watched(LiveRank):
    """Remembers the phases that it was in."""

    def __setattr__(self, name, value):
        if name == "phase":
            self.phases().append(value)
        super().__setattr__(name, value)

    @classmethod
    def phases(cls):
        return cls._phases


class Telling(TinyWorkload):
    """Tells how far its evaluation is."""

    def evaluate(self, module, context):
        found = super().evaluate(module, context)
        context.evaluated(found.num_samples, found.num_samples)
        return found


def train(live, **values):
    run = request(epochs=2, **values)
    return train_rank(run, Telling(), alone(), SystemClock(alone().device), live=live)


def test_the_phases_of_a_run_come_in_their_order():
    Watched._phases = []
    train(Watched(), measure={"warmup_steps": 2, "warmup_s": 0})
    phases = [phase for i, phase in enumerate(Watched._phases) if Watched._phases[i - 1] != phase]
    assert phases[:2] == ["starting", "building"]
    assert phases[2:4] == ["warm-up", "training"]
    assert phases[-4:] == ["evaluating", "training", "evaluating", "passes"]


def test_steps_samples_loss_and_evaluation_are_counted():
    live = LiveRank()
    data = train(live)
    assert (live.step, live.num_steps, live.num_samples) == (10, 10, 100)
    assert live.epoch == 2
    assert live.loss == pytest.approx(data.epochs[-1].train_loss)
    assert (live.num_evaluated, live.num_to_evaluate) == (50, 50)
    assert (live.sweep_id, live.run_id) == (None, None)  # it is over


def test_a_run_of_another_world_size_than_its_points_is_refused():
    with pytest.raises(TrainingError, match="A run of 2 ranks was measured by 1"):
        merge(request(2, epochs=1), facts=None, ranks=[None])
