"""No number is simulated: change what is trained and the measurements follow."""

from __future__ import annotations

import time

import pytest
import torch

from tests.fakes import TinyWorkload
from tests.train.test_loop import alone, request, train

SLEEP_S = 0.03


class SlowForward(TinyWorkload):
    """The same training, with a forward pass that takes 30 ms longer."""

    def build(self, context):
        module, batches, loss_fn = super().build(context)
        module.register_forward_hook(lambda *_: time.sleep(SLEEP_S))
        return module, batches, loss_fn


class SlowData(TinyWorkload):
    """The same training, with batches that come 30 ms late."""

    def build(self, context):
        module, batches, loss_fn = super().build(context)
        ready = list(batches)

        class Late:
            def __len__(self):
                return len(ready)

            def __iter__(self):
                for batch in ready:
                    time.sleep(SLEEP_S)
                    yield batch

        return module, Late(), loss_fn


def phase_s(data, phase: str) -> float:
    return min(record.duration_s for record in data.phases if record.phase == phase)


def measured(workload):
    run = request(epochs=2, measure={"warmup_s": 0, "warmup_steps": 0, "phase_steps": 4})
    return train(run, workload, alone())


@pytest.mark.parametrize(("workload", "phase"), [(SlowForward, "forward"), (SlowData, "data_wait")])
def test_time_that_is_planted_is_found_where_it_was_planted(workload, phase):
    plain, slow = measured(TinyWorkload()), measured(workload())
    assert slow.run.step_time_s > SLEEP_S
    assert slow.run.step_time_s - plain.run.step_time_s > SLEEP_S / 2
    assert slow.run.throughput_samples_per_s < plain.run.throughput_samples_per_s
    assert phase_s(slow, phase) >= SLEEP_S
    others = {"forward", "data_wait", "backward", "optimizer"} - {phase}
    assert all(phase_s(slow, other) < SLEEP_S for other in others)


def test_another_model_has_other_parameters_losses_and_memory():
    small, large = measured(TinyWorkload(width=8)), measured(TinyWorkload(width=64))
    assert small.run.num_params == 8 * 16 + 16 + 16 * 10 + 10
    assert large.run.num_params == 64 * 16 + 16 + 16 * 10 + 10
    assert large.run.grad_bytes == 4 * large.run.num_params
    assert small.run.final_train_loss != large.run.final_train_loss


class ShuffledLabels(TinyWorkload):
    """The same inputs with labels that say nothing."""

    def data(self, seed: int):
        inputs, targets = super().data(seed)
        return inputs, targets[torch.randperm(len(targets))]


def test_accuracy_is_that_of_the_model_that_was_trained():
    learnt = measured(TinyWorkload(num_samples=1000))
    guessed = measured(ShuffledLabels(num_samples=1000))
    assert learnt.run.final_val_accuracy_frac > 0.9
    assert guessed.run.final_val_accuracy_frac < 0.3
    assert learnt.run.final_val_loss < guessed.run.final_val_loss
