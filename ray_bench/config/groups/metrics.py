"""What training is to reach: the metric that a sweep is judged by, beside its speed."""

from __future__ import annotations

from pydantic import Field, field_validator

from ray_bench.config.fields import Float, Model
from ray_bench.config.metric_target import parse_target
from ray_bench.errors import ConfigError


class MetricsConfig(Model):
    """What training is to reach, and what counts as the same."""

    target: str | None = Field(
        None,
        description="What `report` decides for, by how soon it is reached: 'accuracy>=0.9' (of "
        "validation), 'loss<=0.3' (of validation; bits per byte of a model of bytes), or a metric "
        "that a script tells by name. Not set: none.",
    )
    accuracy_margin_frac: Float = Field(
        0.005, gt=0, lt=1, description="Final accuracies that differ by less count as equivalent."
    )
    loss_margin_frac: Float = Field(
        0.02, gt=0, lt=1, description="The same of final losses, a share of the baseline's."
    )
    samples_margin_frac: Float = Field(
        0.10, gt=0, lt=1, description="The same of samples to the target, a share."
    )

    @field_validator("target")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        try:
            return None if value is None else str(parse_target(value))
        except ConfigError as err:
            raise ValueError(str(err).rstrip(".")) from err
