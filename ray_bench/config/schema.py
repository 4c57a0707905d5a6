"""The configuration of a sweep. Every field says what it means and in which unit.

A field that is None is not set: the workload's own default is used (`SweepConfig.with_defaults`).
"""

from __future__ import annotations

import itertools
import math
import os
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ray_bench.records import (
    CompileMode,
    Compression,
    LrRule,
    MemoryFormat,
    Precision,
    Scaling,
)


def _number_from_text(value: Any) -> Any:
    """PyYAML reads `1e-3` (no dot) as text; YAML 1.2 and people mean a number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _no_truth(value: Any) -> Any:
    """Pydantic takes `true` for 1; nobody means that."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _text_from_number(value: Any) -> Any:
    """Variables of the environment are text, also where YAML reads a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value


Int = Annotated[int, BeforeValidator(_no_truth)]
Float = Annotated[float, BeforeValidator(_number_from_text), BeforeValidator(_no_truth)]
#: What torch, numpy and a Parquet column can all hold.
Seed = Annotated[int, BeforeValidator(_no_truth), Field(ge=0, lt=2**32)]
EnvText = Annotated[str, BeforeValidator(_text_from_number)]


def _cap(value: Any) -> Any:
    """A number of MiB above 0, or the word `auto`."""
    number = _number_from_text(value)
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    if value != "auto" and not (is_number and 0 < number < math.inf):
        raise ValueError("must be MiB above 0, or auto")
    return "auto" if value == "auto" else float(number)


#: Size of a gradient bucket, MiB; auto measures the network and chooses.
BucketCap = Annotated[float | Literal["auto"], BeforeValidator(_cap)]


def _listed(value: Any) -> Any:
    """Return a single value as a list of one."""
    return [value] if isinstance(value, int | float | str) else value


def _differing(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(value)) != len(value):
        raise ValueError(f"values must differ, got {list(value)} (use `repeats` to repeat)")
    return value


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class WorkloadDefaults(_Model):
    """What a workload trains with where the configuration is silent."""

    batch_size: Int = Field(128, ge=1)
    lr: float = Field(0.1, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    epochs: Int = Field(1, ge=1)
    memory_format: MemoryFormat = Field("contiguous")


class DataConfig(_Model):
    """Where training data comes from."""

    dir: Path | None = Field(
        None, description="Folder with data sets, or with one folder for each (`cifar10/`, ...)."
    )
    standin: bool = Field(
        False,
        description="Use Fashion-MNIST as 32x32x3 where CIFAR-10 is absent; every output says so.",
    )
    download: bool = Field(False, description="Let torchvision download a data set that is absent.")

    cutout: Int = Field(
        0,
        ge=0,
        le=32,
        description="CIFAR-10: side of a square at a random place of each training image that is "
        "blanked, pixels; 0: none.",
    )

    @field_validator("dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        # Ray changes the working directory of its workers.
        return None if value is None else Path(os.path.abspath(value.expanduser()))


class OptimizerConfig(_Model):
    """SGD and its learning-rate schedule."""

    momentum: Float | None = Field(None, ge=0, lt=1, description="SGD momentum.")
    weight_decay: Float | None = Field(None, ge=0, description="L2 penalty.")
    warmup_epochs: Float | None = Field(
        None,
        ge=0,
        description="Epochs in which the rate climbs from `lr` to its scaled value. "
        "Not set: 5, or a tenth of the run where that is shorter.",
    )
    scale_with: Literal["global_batch", "world_size"] = Field(
        "global_batch",
        description="What a learning-rate rule follows: the growth of the global batch (the "
        "theory; no change in strong scaling) or the world size.",
    )


class DdpConfig(_Model):
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
    static_graph: bool = Field(True, description="The graph is the same in every step.")
    at_world_size_one: bool = Field(
        False, description="Measure world size 1 also with DDP, beside plain PyTorch."
    )

    @field_validator("bucket_cap_mb", "compression", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return _listed(value)

    @field_validator("bucket_cap_mb", "compression")
    @classmethod
    def _no_duplicates(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return _differing(value)


class MeasureConfig(_Model):
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


class StopConfig(_Model):
    """When a sweep has measured enough."""

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


class LadderConfig(_Model):
    """The interleaved way to measure: all world sizes take turns in one group of workers."""

    rounds: Int = Field(6, ge=2, le=10_000, description="Turns of every world size.")
    turn_s: Float = Field(1.0, gt=0, description="A turn lasts about so many seconds.")


class EmulatedConfig(_Model):
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


class Settings(NamedTuple):
    """How a step is computed and reduced: what a sweep varies beside the training itself."""

    precision: Precision
    memory_format: MemoryFormat
    compile: CompileMode
    bucket_cap_mb: float | Literal["auto"]
    compression: Compression


class LaunchConfig(_Model):
    """How runs are placed on the cluster."""

    max_concurrent: Int = Field(1, ge=1, description="Runs at the same time; above 1 they disturb.")
    order_seed: Int = Field(0, description="Seed of the randomised order of runs.")
    timeout_s: Float = Field(
        300.0, ge=1, le=10**6, description="A collective operation that hangs longer fails the run."
    )
    placement: Literal["PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"] = Field(
        "PACK", description="Ray's placement strategy for the workers of a run."
    )
    env: dict[str, EnvText] = Field(
        default_factory=dict, description="Environment of the workers, e.g. GLOO_SOCKET_IFNAME."
    )


_LISTS = ("world_sizes", "lr_rules", "seeds", "precision", "memory_format", "compile")


class TrackersConfig(_Model):
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


class SweepConfig(_Model):
    """A workload and the grid over which it is measured."""

    workload: str = Field(
        description="A name from `ray-bench workloads`, or `package.module:Name`."
    )
    world_sizes: tuple[Int, ...] = Field((1, 2), min_length=1, description="Ranks per run.")
    scaling: Scaling = Field(
        "strong", description="strong: global batch fixed. weak: batch per worker fixed."
    )
    lr_rules: tuple[LrRule, ...] = Field(
        ("linear",), min_length=1, description="How the learning rate follows the batch."
    )
    batch_size: Int | None = Field(
        None, ge=1, description="Samples: global in strong scaling, per worker in weak scaling."
    )
    lr: Float | None = Field(None, gt=0, description="Learning rate before the rule.")
    epochs: Int | None = Field(None, ge=1, description="Passes over the training data.")
    steps: Int | None = Field(
        None, ge=1, description="Optimizer steps, instead of epochs; training ends after them."
    )
    seeds: tuple[Seed, ...] = Field((0,), min_length=1, description="Model, data and order seeds.")
    repeats: Int = Field(
        1, ge=1, le=10_000, description="Runs of every point, each in fresh processes."
    )
    precision: tuple[Precision, ...] = Field(
        ("fp32",), min_length=1, description="fp32, or bf16 autocast. A list sweeps it."
    )
    memory_format: tuple[MemoryFormat, ...] | None = Field(
        None,
        min_length=1,
        description="channels_last, or contiguous. A list sweeps it. Not set: the workload's own, "
        "channels_last for convolutional networks.",
    )
    compile: tuple[CompileMode, ...] = Field(
        ("none",),
        min_length=1,
        description="torch.compile: none, default, or reduce-overhead (CUDA graphs, for short "
        "steps). A list sweeps it. Its seconds are told apart.",
    )
    cpus_per_worker: Float = Field(
        1.0, gt=0, description="CPUs that Ray reserves for a worker; also its OMP threads (floor)."
    )
    use_gpu: bool | None = Field(None, description="Not set: GPUs where the cluster has enough.")
    price_per_worker_hour: Float | None = Field(
        None, ge=0, description="Money per worker and hour, in `currency`."
    )
    currency: str = Field("USD", max_length=8, description="Currency of the price.")
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    ddp: DdpConfig = DdpConfig()
    measure: MeasureConfig = MeasureConfig()
    launch: LaunchConfig = LaunchConfig()
    interleaved: bool = Field(
        False,
        description="Ladder: all world sizes take turns in one group of workers, so that drift "
        "cancels and start-up is paid once. Measures speed, not accuracy.",
    )
    ladder: LadderConfig = LadderConfig()
    stop: StopConfig = StopConfig()
    emulated: EmulatedConfig = EmulatedConfig()
    trackers: TrackersConfig = TrackersConfig()

    @field_validator(*_LISTS, mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return _listed(value)

    @field_validator("world_sizes")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for world_size in value:
            if world_size < 1:
                raise ValueError(f"a world size must be 1 or more, got {world_size}")
        return value

    @field_validator(*_LISTS)
    @classmethod
    def _no_duplicates(cls, value: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return None if value is None else _differing(value)

    @model_validator(mode="after")
    def _epochs_or_steps(self) -> SweepConfig:
        if self.epochs is not None and self.steps is not None:
            raise ValueError("give `epochs` or `steps`, not both")
        return self

    @model_validator(mode="after")
    def _one_kind_of_run_in_a_ladder(self) -> SweepConfig:
        if self.interleaved and len(self.lr_rules) * len(self.seeds) > 1:
            raise ValueError(
                "`interleaved` measures speed, which neither `lr_rules` nor `seeds` change; give "
                "one of each"
            )
        if self.interleaved and set(self.compile) - {"none"}:
            raise ValueError(
                "`interleaved` keeps all world sizes in one process, where torch.compile would use "
                "the code of one for another; leave one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _one_curve_to_stop_for(self) -> SweepConfig:
        if self.stop.half_width is not None and len(self.settings) > 1:
            raise ValueError(
                "`stop.half_width` looks at one curve; give one of each of precision, "
                "memory_format, compile, ddp.bucket_cap_mb and ddp.compression"
            )
        return self

    @model_validator(mode="after")
    def _caps_that_can_be_compiled(self) -> SweepConfig:
        small = [cap for cap in self.ddp.bucket_cap_mb if cap != "auto" and cap < 1]
        if small and set(self.compile) - {"none"}:
            raise ValueError(
                f"`compile` needs ddp.bucket_cap_mb of 1 or more, which is DDP's first bucket, got "
                f"{small[0]:g}"
            )
        return self

    @model_validator(mode="after")
    def _divisible(self) -> SweepConfig:
        if self.scaling == "strong" and self.batch_size is not None:
            for world_size in self.world_sizes:
                if self.batch_size % world_size:
                    raise ValueError(
                        f"batch_size {self.batch_size} (global, strong scaling) is not divisible "
                        f"by world size {world_size}; "
                        f"take a multiple of {math.lcm(*self.world_sizes)}"
                    )
        return self

    @property
    def settings(self) -> tuple[Settings, ...]:
        """Every combination of the settings that change speed and not what is trained."""
        return tuple(
            Settings(*values)
            for values in itertools.product(
                self.precision,
                self.memory_format or ("contiguous",),
                self.compile,
                self.ddp.bucket_cap_mb,
                self.ddp.compression,
            )
        )

    def with_defaults(self, defaults: WorkloadDefaults) -> SweepConfig:
        """Return the configuration with every unset training value taken from the workload."""
        values = self.model_dump()
        if self.memory_format is None:
            values["memory_format"] = (defaults.memory_format,)
        for name in ("batch_size", "lr"):
            if values[name] is None:
                values[name] = getattr(defaults, name)
        if self.epochs is None and self.steps is None:
            values["epochs"] = defaults.epochs
        for name in ("momentum", "weight_decay"):
            if values["optimizer"][name] is None:
                values["optimizer"][name] = getattr(defaults, name)
        return SweepConfig.model_validate(values)
