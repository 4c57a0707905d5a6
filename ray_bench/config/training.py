"""The groups of the configuration that say how weights are changed: optimizer and schedule."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from ray_bench.config.fields import Float, Int, Model

OptimizerName = Literal["sgd", "adamw", "lars", "lamb"]
ScheduleName = Literal["constant", "step", "cosine", "one-cycle", "wsd"]
#: Optimizers with moving averages of the gradient and of its square.
ADAM_LIKE = frozenset({"adamw", "lamb"})


class OptimizerConfig(Model):
    """The optimizer, and how its rate follows the batch."""

    name: OptimizerName | None = Field(
        None,
        description="sgd, adamw, lars or lamb. Not set: the workload's own, sgd for most.",
    )
    momentum: Float | None = Field(None, ge=0, lt=1, description="Of sgd and lars.")
    nesterov: bool = Field(False, description="Nesterov's momentum, with sgd.")
    weight_decay: Float | None = Field(
        None, ge=0, description="L2 penalty of sgd and lars; decoupled with adamw and lamb."
    )
    decay_norms_and_biases: bool = Field(
        True,
        description="false: no weight decay on parameters of one dimension (biases, and weights of "
        "norms); lars and lamb give them no trust ratio then either.",
    )
    beta1: Float = Field(0.9, ge=0, lt=1, description="Of adamw and lamb: mean of the gradient.")
    beta2: Float = Field(0.999, ge=0, lt=1, description="Of adamw and lamb: mean of its square.")
    epsilon: Float = Field(1e-8, gt=0, description="Of adamw and lamb.")
    hold_beta2_half_life: bool = Field(
        False,
        description="Keep the half-life of beta2 in samples: beta2 to the power of the batch's "
        "growth over the base batch.",
    )
    trust: Float = Field(0.001, gt=0, description="Trust coefficient of lars.")
    ema_half_life_samples: Float | None = Field(
        None,
        gt=0,
        description="Evaluate with a moving average of the weights, in which a step has half the "
        "weight after so many samples. Not set: with the weights themselves.",
    )
    warmup_epochs: Float | None = Field(
        None,
        ge=0,
        description="Epochs in which the rate climbs to its scaled value. "
        "Not set: 5, or a tenth of the run where that is shorter.",
    )
    warmup_from: Literal["lr", "zero"] | None = Field(
        None,
        description="Where the warm-up starts: at `lr`, or at zero. Not set: zero with adamw, "
        "lamb, lars and the rule legw, else `lr`.",
    )
    scale_with: Literal["global_batch", "world_size"] = Field(
        "global_batch",
        description="What a learning-rate rule follows: the growth of the global batch (the "
        "theory; no change in strong scaling) or the world size.",
    )
    base_batch_size: Int | None = Field(
        None,
        ge=1,
        description="Global batch that `lr` was chosen for, samples; rules follow the growth over "
        "it. Not set: `batch_size`, which is one worker's in weak scaling.",
    )

    @model_validator(mode="after")
    def _one_thing_to_follow(self) -> OptimizerConfig:
        if self.base_batch_size is not None and self.scale_with == "world_size":
            raise ValueError(
                "`base_batch_size` has no meaning where rules follow the world size; leave out "
                "optimizer.base_batch_size or optimizer.scale_with"
            )
        return self

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> OptimizerConfig:
        if self.nesterov and (self.momentum == 0 or self.name not in (None, "sgd")):
            raise ValueError("`nesterov` needs optimizer.name=sgd and a momentum above 0")
        return self

    @property
    def is_adam_like(self) -> bool:
        """Whether it has betas."""
        return self.name in ADAM_LIKE


class ScheduleConfig(Model):
    """How the rate changes after warm-up, by the share of the run's samples that are seen."""

    name: ScheduleName | None = Field(
        None,
        description="constant; step (falls at `schedule.drops`); cosine; one-cycle (climbs, then "
        "falls, both straight); or wsd: warm-up, stable, then a straight fall. Not set: the "
        "workload's own, constant for most.",
    )
    final_frac: Float = Field(
        0.0, ge=0, le=1, description="Of cosine, one-cycle and wsd: last rate, of the highest."
    )
    drops: tuple[Float, ...] = Field(
        (0.5, 0.75), description="Of step: shares of the run at which the rate falls, ascending."
    )
    drop_factor: Float = Field(0.1, gt=0, lt=1, description="Of step: what it falls to each time.")
    peak_frac: Float = Field(
        0.25, gt=0, lt=1, description="Of one-cycle: share of the run that climbs, from zero."
    )
    decay_frac: Float = Field(
        0.2, gt=0, le=1, description="Of wsd: share of the run, at its end, in which it falls."
    )

    @field_validator("drops")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < x < 1 for x in value) or list(value) != sorted(set(value)):
            raise ValueError(f"must be ascending shares between 0 and 1, got {list(value)}")
        return value
