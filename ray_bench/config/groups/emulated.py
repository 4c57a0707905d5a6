"""What an emulated accelerator is made of."""

from __future__ import annotations

from pydantic import Field

from ray_bench.config.fields import Float, Int, Model


class EmulatedConfig(Model):
    """What the workload `emulated` plants. Times of the step of one worker."""

    compute_s_per_sample: Float = Field(
        0.005, gt=0, description="Forward and backward of one sample, slept."
    )
    serial_s: Float = Field(0.0, ge=0, description="Per step, whatever the batch.")
    loader_s: Float = Field(0.0, ge=0, description="Wait for every batch, whatever its size.")
    straggler_rank: Int | None = Field(None, ge=0, description="The rank that is slow.")
    straggler_slowdown: Float = Field(1.5, ge=1, description="Its compute takes so many times.")
    latency_s: Float = Field(
        0.0, ge=0, description="Of the virtual wire: seconds per message (alpha)."
    )
    gbit_per_s: Float | None = Field(
        None, gt=0, description="Bandwidth of the virtual wire; not set: no limit."
    )
    contention_frac: Float = Field(
        0.0, ge=0, description="Backward is slower by this share while gradients are reduced."
    )
    num_buckets: Int = Field(4, ge=1, le=64, description="Layers, each with a bucket of its own.")
    bucket_bytes: Int = Field(
        4096, ge=4, description="Gradient of the first layer; layer k has k times as much."
    )

    @property
    def has_wire(self) -> bool:
        """Whether there is a virtual wire at all."""
        return self.latency_s > 0 or self.gbit_per_s is not None
