"""When a sweep has measured enough."""

from __future__ import annotations

from pydantic import Field, model_validator

from ray_bench.config.fields import Float, Int, Model


class StopConfig(Model):
    """When a sweep has measured enough, and when a run has."""

    half_width: Float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Repeat until the relative half-width of every speedup's 95 % interval is "
        "below this (0.01 is 1 %). Not set: `repeats` runs, or `ladder.rounds` rounds.",
    )
    max_repeats: Int = Field(32, ge=2, le=10_000, description="At most so many repeats or rounds.")
    budget_s: Float | None = Field(
        None, gt=0, description="At most so many seconds; what runs then is still finished."
    )
    diverged_factor: Float = Field(
        1000.0,
        gt=1,
        description="A run whose training loss becomes so many times its first one is ended and "
        "recorded as diverged, as is one whose loss is not finite.",
    )
    hopeless_epochs: Float | None = Field(
        None,
        gt=0,
        description="With `stop.hopeless_accuracy` or `stop.hopeless_loss`: a run that has not "
        "reached it by an evaluation after so many epochs is ended and recorded as stopped. Not "
        "set: none is.",
    )
    hopeless_accuracy: Float | None = Field(
        None, gt=0, le=1, description="Validation accuracy that a run with hope has by then."
    )
    hopeless_loss: Float | None = Field(
        None, description="Validation loss that a run with hope is not above by then."
    )
    hopeless: bool = Field(
        False,
        description="End a run, recorded as stopped, that at an evaluation is still worse than "
        "each of two or more finished runs of its batch and world size was after half as many "
        "samples.",
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> StopConfig:
        limits = self.hopeless_accuracy, self.hopeless_loss
        if (self.hopeless_epochs is None) != (limits == (None, None)):
            raise ValueError(
                "`stop.hopeless_epochs` and `stop.hopeless_accuracy`, or `stop.hopeless_loss`, say "
                "together which runs are stopped; give both, or none"
            )
        return self


class LadderConfig(Model):
    """The interleaved way to measure: all world sizes take turns in one group of workers."""

    rounds: Int = Field(6, ge=2, le=10_000, description="Turns of every world size.")
    turn_s: Float = Field(1.0, gt=0, description="A turn lasts about so many seconds.")
