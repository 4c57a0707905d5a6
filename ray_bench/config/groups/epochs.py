"""What is done at the ends of epochs: evaluations and checkpoints."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from ray_bench.config.fields import Folder, Int, Model


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

    dir: Folder | None = Field(
        None,
        description="Folder that all nodes see: checkpoints of every run are written there after "
        "epochs, the last and the best one kept, and `--resume` lets a failed run go on from its "
        "last one. Not set: none are.",
    )
    every: Int = Field(1, ge=1, description="Epochs from one checkpoint to the next.")
