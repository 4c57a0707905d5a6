"""The keys of a sweep, in the order in which they are listed, and how each may be written."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from ray_bench.config.fields import (
    Compile,
    EnvText,
    Float,
    Int,
    LrRuleName,
    Model,
    PlacementName,
    Seed,
    differing,
    listed,
)
from ray_bench.config.groups import (
    CheckpointConfig,
    DataConfig,
    DdpConfig,
    EmulatedConfig,
    EvaluationConfig,
    LadderConfig,
    LaunchConfig,
    MeasureConfig,
    MetricsConfig,
    StopConfig,
    TrackersConfig,
)
from ray_bench.config.script import as_written, name_of
from ray_bench.config.training import OptimizerConfig, ScheduleConfig
from ray_bench.records import BatchNorm, MemoryFormat, Precision, Scaling

_LISTS = (
    *("world_sizes", "lr_rules", "seeds", "precision", "memory_format", "compile"),
    *("placements", "workers_per_node", "accumulate_steps"),
)


class SweepKeys(Model):
    """What is written of a sweep. A key that is None is not set."""

    workload: str = Field(
        description="A name from `ray-bench workloads`, or `package.module:Name`."
    )
    world_sizes: tuple[Int, ...] = Field((1, 2), min_length=1, description="Ranks per run.")
    scaling: Scaling = Field(
        "strong", description="strong: global batch fixed. weak: batch per worker fixed."
    )
    lr_rules: tuple[LrRuleName, ...] = Field(
        ("linear",),
        min_length=1,
        description="How the learning rate follows the batch: none, linear, sqrt, legw, adascale, "
        "or power:0.66 with any exponent.",
    )
    batch_size: Int | None = Field(
        None,
        ge=1,
        description="Samples of an optimizer step: global in strong scaling, per worker in weak "
        "scaling.",
    )
    accumulate_steps: tuple[Int, ...] = Field(
        (1,),
        min_length=1,
        description="Micro-batches into which a worker cuts its samples of a step; their gradients "
        "are added up and reduced once. A list sweeps it.",
    )
    max_local_batch_size: Int | None = Field(
        None,
        ge=1,
        description="Instead of `accumulate_steps`: samples that fit on a device at once; every "
        "world size takes the fewest micro-batches that do.",
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
    compile: tuple[Compile, ...] = Field(
        ("none",),
        min_length=1,
        description="torch.compile: none (or false), default (or true), or reduce-overhead (CUDA "
        "graphs, for short steps). A list sweeps it. Its seconds are told apart.",
    )
    placements: tuple[PlacementName, ...] | None = Field(
        None,
        min_length=1,
        description="Where workers are: pack (few nodes), spread (many), strict_pack, "
        "strict_spread, or NxM: N nodes with M workers each, for world size N x M. A list sweeps "
        "it. Not set: `launch.placement`.",
    )
    workers_per_node: tuple[Int, ...] | None = Field(
        None,
        min_length=1,
        description="Instead of `placements`: so many workers on each node, at every world size "
        "that is a multiple. A list sweeps it.",
    )
    cpus_per_worker: Float = Field(
        1.0, gt=0, description="CPUs that Ray reserves for a worker; also its OMP threads (floor)."
    )
    use_gpu: bool | None = Field(
        None,
        description="Not set: GPUs where the cluster has enough, unless the workload takes none.",
    )
    price_per_worker_hour: Float | None = Field(
        None, ge=0, description="Money per worker and hour, in `currency`."
    )
    currency: str = Field("USD", max_length=8, description="Currency of the price.")
    script: str | None = Field(
        None,
        min_length=1,
        description="Instead of a workload: your own training script, `train.py` or `-m "
        "package.module`, as `ray-bench run ... -- train.py ARGS`.",
    )
    args: tuple[EnvText, ...] = Field(
        (),
        description="Arguments of the script. {world_size}, {local_batch_size}, "
        "{global_batch_size}, {lr}, {seed}, {epochs} and {run_dir} are filled in.",
    )
    train_fn: str | None = Field(
        None,
        min_length=1,
        description="Instead of a workload: your own Ray Train function, `module:name`.",
    )
    train_fn_config: dict[str, Any] = Field(
        default_factory=dict,
        description="What the function is called with, filled in as `args` are: "
        "train_fn_config.lr={lr}.",
    )
    train_fn_datasets: str | None = Field(
        None,
        min_length=1,
        description="A function `module:name` that returns the data sets which the workers get "
        "shards of, as `TorchTrainer(datasets=...)`.",
    )
    until_end: bool = Field(
        False,
        description="Let the script or function come to its own end, instead of ending it after "
        "`steps` measured steps.",
    )
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    label_smoothing: Float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of a label that is spread over all classes while training; for the "
        "built-in image workloads.",
    )
    batch_norm: BatchNorm = Field(
        "per_worker",
        description="Batch statistics of normalisation: per_worker, or synchronised over all "
        "workers (on GPUs alone).",
    )
    clip_grad_norm: Float | None = Field(
        None,
        gt=0,
        description="Scale the gradient of a step down to this norm where it is larger, after the "
        "reduction. Not set: never.",
    )
    evaluation: EvaluationConfig = EvaluationConfig()
    metrics: MetricsConfig = MetricsConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
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

    @model_validator(mode="before")
    @classmethod
    def _named_as_its_script(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "workload" in values:
            return values
        target = values.get("script") or values.get("train_fn")
        return {**values, "workload": name_of(target)} if isinstance(target, str) else values

    @field_validator("args", mode="before")
    @classmethod
    def _fields_of_args(cls, value: Any) -> Any:
        return as_written(listed(value))

    @field_validator("train_fn_config", mode="before")
    @classmethod
    def _fields_of_a_function(cls, value: Any) -> Any:
        return {k: as_written(v) for k, v in value.items()} if isinstance(value, dict) else value

    @field_validator(*_LISTS, mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("world_sizes")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for world_size in value:
            if world_size < 1:
                raise ValueError(f"a world size must be 1 or more, got {world_size}")
        return value

    @field_validator("workers_per_node")
    @classmethod
    def _somebody_on_a_node(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        for count in value or ():
            if count < 1:
                raise ValueError(f"a node must have 1 worker or more, got {count}")
        return value

    @field_validator(*_LISTS)
    @classmethod
    def _no_duplicates(cls, value: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return None if value is None else differing(value)
