"""What is measured of a run, and how finely."""

from __future__ import annotations

from pydantic import Field, field_validator

from ray_bench.config.fields import Float, Int, Model


class MeasureConfig(Model):
    """How long and how finely runs are timed."""

    warmup_steps: Int = Field(11, ge=0, description="At least so many steps are warm-up.")
    warmup_s: Float = Field(2.0, ge=0, description="At least so many seconds are warm-up.")
    block_s: Float = Field(0.25, gt=0, description="A timed block lasts about so many seconds.")
    phase_steps: Int = Field(
        20, ge=0, description="Steps of the separate phase pass after training; 0 leaves it out."
    )

    sync_pairs: Int = Field(
        10,
        ge=0,
        description="Pairs of steps with and without gradient synchronisation, after the phase "
        "pass: what they differ by beyond the exposed part is contention; 0 leaves them out.",
    )
    noise_steps: Int = Field(
        16,
        ge=0,
        description="Batches, 3 or more, whose gradients show the gradient noise scale after "
        "training, at its last weights; 0 leaves it out.",
    )
    noise_curve: bool = Field(
        False,
        description="Measure the gradient noise scale in every training step too, from the "
        "gradients before and after they are reduced (with one worker: from its micro-batches), "
        "and store it by epoch. Takes time in every step.",
    )
    trace_steps: Int = Field(
        0, ge=0, le=100, description="Steps of a Chrome trace of every rank; 0 writes none."
    )
    checkpoint: bool = Field(True, description="Time one save of model and optimizer.")
    network: bool = Field(
        False, description="Measure all-reduce (4 B to 64 MiB) at every world size first."
    )
    sentinel: bool | None = Field(
        None,
        description="Run 1 worker at start, middle and end, to see the machine drift. "
        "Not set: where `repeats` is 2 or more.",
    )

    @field_validator("noise_steps")
    @classmethod
    def _none_or_enough(cls, value: int) -> int:
        if value in (1, 2):
            raise ValueError("must be 0, or 3 or more")
        return value
