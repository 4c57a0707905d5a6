"""What a workload brings with it."""

from __future__ import annotations

from pydantic import Field

from ray_bench.config.fields import Int, Model
from ray_bench.config.training import OptimizerName, ScheduleName
from ray_bench.records import MemoryFormat


class WorkloadDefaults(Model):
    """What a workload trains with where the configuration is silent."""

    batch_size: Int = Field(128, ge=1)
    lr: float = Field(0.1, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    epochs: Int = Field(1, ge=1)
    memory_format: MemoryFormat = Field("contiguous")
    optimizer: OptimizerName = Field("sgd")
    schedule: ScheduleName = Field("constant")
    use_gpu: bool | None = None  # None: where the cluster has enough
