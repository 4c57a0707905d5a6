"""How runs are placed on the cluster."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from ray_bench.config.fields import EnvText, Float, Int, Model
from ray_bench.config.labels import is_selector


class LaunchConfig(Model):
    """How runs are placed on the cluster."""

    max_concurrent: Int = Field(1, ge=1, description="Runs at the same time; above 1 they disturb.")
    order_seed: Int = Field(0, description="Seed of the randomised order of runs.")
    share_workers: bool = Field(
        False,
        description="Runs that differ in learning-rate rule or seed alone come one after the other "
        "in one group of workers, which saves start-up; for speed only the first of them counts.",
    )
    tuned: bool = Field(
        True,
        description="Start less of Ray beside the workers, where Ray's version is one that this "
        "was tested with; false takes Ray as it comes.",
    )
    timeout_s: Float = Field(
        300.0, ge=1, le=10**6, description="A collective operation that hangs longer fails the run."
    )
    wait_s: Float = Field(
        600.0,
        ge=0,
        le=10**6,
        description="Places that another job holds are waited for this long before a run.",
    )
    placement: Literal["PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"] = Field(
        "PACK",
        description="Ray's placement strategy for the workers of a run, where `placements` names "
        "none.",
    )
    labels: dict[str, EnvText] = Field(
        default_factory=dict,
        description="Ray's label selectors, which the nodes of all workers must match: "
        "{ray.io/market-type: spot}; a value is a word, !word, in(a, b) or !in(a, b).",
    )
    gpu_type: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Ray's accelerator type of all workers' GPUs, e.g. A100. Not set: any.",
    )
    env: dict[str, EnvText] = Field(
        default_factory=dict, description="Environment of the workers, e.g. GLOO_SOCKET_IFNAME."
    )

    @field_validator("labels")
    @classmethod
    def _selectors(cls, value: dict[str, str]) -> dict[str, str]:
        for key, selector in value.items():
            if not is_selector(selector):
                raise ValueError(
                    f"{key} must be a word, !word, in(a, b) or !in(a, b), got {selector!r}"
                )
        return value
