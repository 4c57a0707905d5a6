"""The groups of a sweep's configuration. Every field says what it means and in which unit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ray_bench.config.fields import BucketCap, EnvText, Float, Int, Model, differing, listed
from ray_bench.config.labels import is_selector
from ray_bench.config.training import OptimizerName, ScheduleName
from ray_bench.records import Compression, MemoryFormat


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


class DataConfig(Model):
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
        if value is None or "://" in value:
            return value
        return os.path.abspath(os.path.expanduser(value))


class MeasureConfig(Model):
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
    noise_curve: bool = Field(
        False,
        description="Measure the gradient noise scale in every training step too, from the "
        "gradients before and after they are reduced (with one worker: from its micro-batches), "
        "and store it by epoch. Takes time in every step.",
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


class StopConfig(Model):
    """When a sweep has measured enough, and when a run has."""

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
    diverged_factor: Float = Field(
        1000.0,
        gt=1,
        description="A run whose training loss becomes so many times its first one is ended and "
        "recorded as diverged, as is one whose loss is not finite.",
    )
    hopeless_epochs: Float | None = Field(
        None,
        gt=0,
        description="With `stop.hopeless_accuracy`: a run that has not reached it by an evaluation "
        "after so many epochs is ended and recorded as stopped. Not set: none is.",
    )
    hopeless_accuracy: Float | None = Field(
        None, gt=0, le=1, description="Validation accuracy that a run with hope has by then."
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> StopConfig:
        if (self.hopeless_epochs is None) != (self.hopeless_accuracy is None):
            raise ValueError(
                "`stop.hopeless_epochs` and `stop.hopeless_accuracy` say together which runs are "
                "stopped; give both, or none"
            )
        return self


class LadderConfig(Model):
    """The interleaved way to measure: all world sizes take turns in one group of workers."""

    rounds: Int = Field(6, ge=2, le=10_000, description="Turns of every world size.")
    turn_s: Float = Field(1.0, gt=0, description="A turn lasts about so many seconds.")


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
