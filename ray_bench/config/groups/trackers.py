"""Where runs can be looked at beside others."""

from __future__ import annotations

from pydantic import Field

from ray_bench.config.fields import Model


class TrackersConfig(Model):
    """Where runs can be looked at beside others, and what a running sweep shows to Prometheus."""

    tensorboard: bool = Field(
        True, description="Write an event file a run to the folder tensorboard of the results."
    )
    mlflow: bool = Field(
        False,
        description="Log every run to MLflow (MLFLOW_TRACKING_URI), as its own MLflow run.",
    )
    wandb: bool = Field(
        False,
        description="Log every run to Weights & Biases, grouped by sweep; WANDB_MODE=offline works "
        "too.",
    )
    project: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="MLflow experiment and W&B project. Not set: MLFLOW_EXPERIMENT_NAME and "
        "WANDB_PROJECT, else ray_bench.",
    )
    prometheus: bool = Field(
        True, description="Gauges ray_bench_... on Ray's metrics endpoint while the sweep runs."
    )
