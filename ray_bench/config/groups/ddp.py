"""How gradients are reduced."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from ray_bench.config.fields import BucketCap, Model, differing, listed
from ray_bench.records import Compression


class DdpConfig(Model):
    """Arguments of DistributedDataParallel."""

    bucket_cap_mb: tuple[BucketCap, ...] = Field(
        (25.0,),
        min_length=1,
        description="Gradient bucket size, MiB; 25 is DDP's own, with a first bucket of 1. auto: "
        "measure all-reduce among the run's ranks and choose. A list sweeps it.",
    )
    compression: tuple[Compression, ...] = Field(
        ("none",),
        min_length=1,
        description="Of gradients on the network: none, or bf16, which halves the bytes. A list "
        "sweeps it.",
    )
    gradient_as_bucket_view: bool = Field(True, description="Gradients are views into the buckets.")
    find_unused_parameters: bool = Field(
        False,
        description="Look in every step for parameters that get no gradient: for outputs that are "
        "not in the loss, or not in every step.",
    )
    static_graph: bool | None = Field(
        None,
        description="The graph is the same in every step. Not set: true without "
        "`find_unused_parameters`.",
    )
    broadcast_buffers: bool = Field(
        False,
        description="Rank 0 sends its buffers (batch statistics) before every step; false: their "
        "mean is taken before an evaluation.",
    )
    init_sync: bool = Field(True, description="Rank 0 sends its weights before training.")
    skip_all_reduce_unused_params: bool = Field(
        False, description="Do not reduce what no rank has a gradient for."
    )
    batched_grad_copy: bool = Field(
        False, description="Copy the gradients of a bucket into it all at once."
    )
    lazy_bucket_allocation: bool = Field(
        False, description="Allocate buckets when they are needed first."
    )
    at_world_size_one: bool = Field(
        False, description="Measure world size 1 also with DDP, beside plain PyTorch."
    )

    @model_validator(mode="after")
    def _one_kind_of_graph(self) -> DdpConfig:
        if self.static_graph and self.find_unused_parameters:
            raise ValueError(
                "`find_unused_parameters` looks in every step, and with `static_graph` DDP looks "
                "in the first alone; leave out `ddp.static_graph`"
            )
        return self

    @property
    def has_static_graph(self) -> bool:
        """Whether DDP is told that the graph is the same in every step."""
        return not self.find_unused_parameters if self.static_graph is None else self.static_graph

    @field_validator("bucket_cap_mb", "compression", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("bucket_cap_mb", "compression")
    @classmethod
    def _no_duplicates(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return differing(value)
