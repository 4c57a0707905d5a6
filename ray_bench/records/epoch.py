"""What training has reached: after an epoch, and at an evaluation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One epoch of one run, over all ranks."""

    run_id: str
    epoch: int  # from 1
    num_steps: int
    num_samples: int
    train_s: float
    eval_s: float | None
    lr: float  # at the epoch's last step
    train_loss: float
    train_accuracy_frac: float | None  # while training: augmentation and changing weights included
    val_loss: float | None
    val_accuracy_frac: float | None
    num_val_samples: int | None = None
    train_wall_clock_s: float | None = None  # train_s by the clock of the day, to check the blocks
    num_tokens: int | None = None
    # Of one rank's share of a batch, the last one of an epoch apart.
    least_local_samples: int | None = None
    most_local_samples: int | None = None
    # Over the epoch's steps, where `measure.noise_curve` or a rule asks for it; may be below 0.
    grad_mean_sq: float | None = None  # |G|^2
    grad_variance: float | None = None  # tr(Sigma), of one sample's gradient


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord:
    """One evaluation of one run, over all ranks, within an epoch or at its end.

    Of a script also what it told by name after a step, whether an evaluation was seen there or not.
    """

    run_id: str
    evaluation: int  # from 0
    epoch: int  # that was going on, or had just ended
    num_samples: int | None  # of all ranks, trained on by then; None: nothing told them
    train_s: float  # spent in training steps by then
    with_eval_s: float  # spent in training steps and evaluations by then, this one included
    eval_s: float | None  # of this one; None: none was seen
    val_loss: float | None
    val_accuracy_frac: float | None
    num_val_samples: int | None
    # What a script told, by its own names; None of our own loop, and of older versions.
    metric_names: tuple[str, ...] | None = None
    metric_values: tuple[float, ...] | None = None  # as many
