"""What is done at the ends of epochs: evaluations and checkpoints."""

from __future__ import annotations

import os
from typing import Any

from pydantic import Field, field_validator, model_validator

from ray_bench.config.fields import Int, Model


class EvaluationConfig(Model):
    """When a workload's own evaluation runs, and on how much of its data."""

    every: Int | None = Field(
        None,
        ge=0,
        description="Evaluate after every so many epochs, and after the last; 0, or "
        "`evaluation=off`, never does. Not set: after every epoch; with `steps`, where speed is "
        "meant, only if `evaluation.max_samples` is set.",
    )
    every_samples: Int | None = Field(
        None,
        ge=1,
        description="Evaluate also within epochs, each time that so many more samples were trained "
        "on; `every` says when it is done at their ends.",
    )
    max_samples: Int | None = Field(
        None,
        ge=1,
        description="Evaluate on at most so many samples, taken evenly over the data set. Not set: "
        "on all of them.",
    )

    @model_validator(mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return {"every": 0} if value in ("off", False) else value


class CheckpointConfig(Model):
    """From where a run goes on after its workers were lost."""

    dir: str | None = Field(
        None,
        min_length=1,
        description="Folder that all nodes see, or a URI such as s3://bucket/folder: checkpoints "
        "of every run are written there after epochs, through Ray Train, the last and the best "
        "one kept. Not set: none are.",
    )
    every: Int = Field(1, ge=1, description="Epochs from one checkpoint to the next.")
    restarts: Int = Field(
        3,
        ge=0,
        description="So often a run whose worker or host was lost is started again in its sweep, "
        "from its last checkpoint. After that `--resume` does it.",
    )

    @field_validator("dir")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        # Ray changes the working directory of its workers.
        is_uri = value is None or "://" in value
        return value if is_uri else os.path.abspath(os.path.expanduser(str(value)))
