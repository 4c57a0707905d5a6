"""When a run is evaluated within an epoch, and what it had spent by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ray_bench.records import EvaluationRecord
from ray_bench.train.schedule import Samples
from ray_bench.workloads.base import Evaluation


@dataclass(slots=True)
class Spent:
    """Seconds of this rank in the epochs that are over, and evaluations so far."""

    train_s: float = 0.0
    eval_s: float = 0.0
    num_evaluations: int = 0
    away_s: float = 0.0  # by the clock of the day: in evaluations within epochs
    saving_s: float = 0.0  # in checkpoints

    def values(self) -> dict[str, float]:
        """Return all of it, to be kept."""
        return {name: getattr(self, name) for name in self.__slots__}

    def set(self, values: Mapping[str, float]) -> None:
        """Go on from what was kept."""
        for name, value in values.items():
            setattr(self, name, value)

    def evaluated(
        self,
        evaluation: Evaluation,
        *,
        run_id: str,
        epoch: int,
        num_samples: int,
        train_s: float,
        eval_s: float,
    ) -> EvaluationRecord:
        """Count an evaluation and return its record; `train_s` is that of the epoch so far."""
        self.eval_s += eval_s
        self.num_evaluations += 1
        return EvaluationRecord(
            run_id=run_id,
            evaluation=self.num_evaluations - 1,
            epoch=epoch,
            num_samples=num_samples,
            train_s=self.train_s + train_s,
            with_eval_s=self.train_s + train_s + self.eval_s,
            eval_s=eval_s,
            val_loss=evaluation.loss_sum / evaluation.num_samples,
            val_accuracy_frac=accuracy_of(evaluation),
            num_val_samples=evaluation.num_samples,
        )


def accuracy_of(evaluation: Evaluation) -> float | None:
    """Return the share of correct predictions, None where it has no meaning."""
    if evaluation.num_correct is None:
        return None
    return evaluation.num_correct / evaluation.num_samples


def score_of(accuracy: float | None, loss: float) -> float:
    """Return how good an evaluation is, the higher the better: its accuracy, else its loss."""
    return -loss if accuracy is None else accuracy


def is_due(samples: Samples, step: int, every: int) -> bool:
    """Tell whether a multiple of `every` samples was passed in a step; the same on all ranks."""
    return samples.before(step + 1) // every > samples.before(step) // every
