"""The configuration of a sweep.

A field that is None is not set: the workload's own default is used (`SweepConfig.with_defaults`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from ray_bench.config import metrics as metric_checks
from ray_bench.config import script_checks
from ray_bench.config.accumulation import complaint
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
    StopConfig,
    TrackersConfig,
    WorkloadDefaults,
)
from ray_bench.config.lr_rules import AdamSettings, rule_of
from ray_bench.config.metrics import MetricsConfig
from ray_bench.config.placements import Asked, Placement
from ray_bench.config.script import as_written, fields_in, name_of
from ray_bench.config.settings import SETTINGS, combinations
from ray_bench.config.training import OptimizerConfig, ScheduleConfig
from ray_bench.records import BatchNorm, MemoryFormat, Precision, Scaling

_LISTS = (
    *("world_sizes", "lr_rules", "seeds", "precision", "memory_format", "compile"),
    *("placements", "workers_per_node", "accumulate_steps"),
)


class SweepConfig(Model):
    """A workload and the grid over which it is measured."""

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

    @field_validator(*_LISTS)
    @classmethod
    def _no_duplicates(cls, value: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return None if value is None else differing(value)

    @model_validator(mode="after")
    def _epochs_or_steps(self) -> SweepConfig:
        if self.epochs is not None and self.steps is not None:
            raise ValueError("give `epochs` or `steps`, not both")
        return self

    @field_validator("workers_per_node")
    @classmethod
    def _somebody_on_a_node(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        for count in value or ():
            if count < 1:
                raise ValueError(f"a node must have 1 worker or more, got {count}")
        return value

    @model_validator(mode="after")
    def _one_way_to_place(self) -> SweepConfig:
        given = [k for k in ("placements", "workers_per_node") if getattr(self, k) is not None]
        given += ["launch.placement"] if given and self.launch.placement != "PACK" else []
        if len(given) > 1:
            raise ValueError(
                f"`{given[0]}` and `{given[1]}` both say where workers are; give one of them"
            )
        if given and self.interleaved:
            raise ValueError(
                f"`interleaved` keeps all world sizes in one group of workers, which stays where "
                f"it is; leave out `{given[0]}` or `interleaved`"
            )
        found = self._asked.complaint(self.world_sizes)
        if found is not None:
            raise ValueError(found)
        return self

    @model_validator(mode="after")
    def _gpus_of_a_type(self) -> SweepConfig:
        if self.launch.gpu_type is not None and self.use_gpu is False:
            raise ValueError("`launch.gpu_type` asks for GPUs and `use_gpu=false` for none")
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
    def _an_evaluation_that_is_made(self) -> SweepConfig:
        within = self.evaluation.every_samples is not None
        asked = self.evaluation.max_samples is not None or bool(self.evaluation.every) or within
        if asked and self.interleaved:
            raise ValueError(
                "`interleaved` measures speed and evaluates nothing; leave `evaluation` or "
                "`interleaved` out"
            )
        if self.evaluation.max_samples is not None and self.evaluation.every == 0 and not within:
            raise ValueError(
                "`evaluation.every=0` evaluates nothing, so `evaluation.max_samples` has no "
                "meaning; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _a_target_that_can_be_seen(self) -> SweepConfig:
        found = metric_checks.complaint(self)
        if found is not None:
            raise ValueError(found)
        return self

    @model_validator(mode="after")
    def _no_compiled_code_between_runs(self) -> SweepConfig:
        if self.launch.share_workers and set(self.compile) - {"none"}:
            raise ValueError(
                "`launch.share_workers` keeps several runs in one process, where torch.compile "
                "would use the code of one for the next; leave one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _one_curve_to_stop_for(self) -> SweepConfig:
        places = len(self.placements or ()) + len(self.workers_per_node or ())
        if self.stop.half_width is not None and max(len(self.settings), places) > 1:
            raise ValueError(
                "`stop.half_width` looks at one curve; give one of each of "
                f"{', '.join(x.key for x in SETTINGS)} and workers_per_node"
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

    @model_validator(mode="after")
    def _equal_micro_batches(self) -> SweepConfig:
        weak, batch = self.scaling == "weak", self.batch_size
        shares = [] if batch is None else [batch if weak else batch // n for n in self.world_sizes]
        found = complaint(
            self.accumulate_steps,
            self.max_local_batch_size,
            shares,
            has_graphs="reduce-overhead" in self.compile,
        )
        if found is not None:
            raise ValueError(found)
        return self

    @model_validator(mode="after")
    def _what_reaches_a_script(self) -> SweepConfig:
        found = script_checks.complaint(self)
        if found is not None:
            raise ValueError(found)
        return self

    @property
    def target(self) -> str | None:
        """Somebody else's script or Ray Train function; None where a workload is trained."""
        return self.train_fn if self.script is None else self.script

    @property
    def target_key(self) -> str:
        """The key that names the target."""
        return "train_fn" if self.script is None else "script"

    @property
    def target_name(self) -> str:
        """What results call it."""
        return name_of(self.target or self.workload)

    @property
    def given(self) -> Any:
        """What the target is given: its arguments, or its function's configuration."""
        return self.args if self.train_fn is None else self.train_fn_config

    @property
    def fields(self) -> frozenset[str]:
        """What a point fills in of it."""
        return fields_in(self.given)

    @model_validator(mode="after")
    def _rules_that_have_a_base(self) -> SweepConfig:
        optimizer = self.optimizer
        has_base = self.scaling == "weak" or optimizer.base_batch_size is not None
        needing = [rule for rule in self.lr_rules if rule not in ("none", "linear", "sqrt")]
        if needing and not has_base and optimizer.scale_with == "global_batch":
            raise ValueError(
                f"the rule {needing[0]} follows the growth of the global batch over a base batch, "
                "and in strong scaling none is known; set optimizer.base_batch_size to the batch "
                "that `lr` was chosen for, or scaling=weak"
            )
        return self

    @model_validator(mode="after")
    def _one_warmup(self) -> SweepConfig:
        if self.schedule.name == "one-cycle" and self.optimizer.warmup_epochs is not None:
            raise ValueError(
                "`schedule.name=one-cycle` has its own warm-up, of the share schedule.peak_frac of "
                "the run; leave out optimizer.warmup_epochs"
            )
        return self

    @model_validator(mode="after")
    def _gradients_that_can_be_watched(self) -> SweepConfig:
        is_adaptive = any(rule_of(rule).is_adaptive for rule in self.lr_rules)
        if is_adaptive and self.optimizer.name not in (None, "sgd"):
            raise ValueError(
                f"the rule adascale is one for sgd, got optimizer.name={self.optimizer.name}; take "
                "sqrt, or optimizer.name=sgd"
            )
        if self.interleaved and (is_adaptive or self.measure.noise_curve):
            raise ValueError(
                "`interleaved` measures speed and watches no gradients; leave out the rule "
                "adascale and measure.noise_curve, or `interleaved`"
            )
        return self

    @model_validator(mode="after")
    def _betas_that_follow(self) -> SweepConfig:
        if self.batch_size is None or not self.optimizer.is_adam_like:
            return self
        for rule in self.lr_rules:
            for world_size in self.world_sizes:
                found = self.adam_settings(rule, world_size)
                if not (0 <= found.beta1 < 1 and 0 <= found.beta2 < 1):
                    growth = self.growth(world_size)
                    raise ValueError(
                        f"the rule {rule} makes 1 - beta {growth:g} times as large at world size "
                        f"{world_size}, and a beta falls below 0; take a smaller batch, or another "
                        "rule, such as power:0.5"
                    )
        return self

    def global_batch_of(self, world_size: int) -> int:
        """Return the samples of an optimizer step; the defaults are filled in."""
        assert self.batch_size is not None, "defaults are filled in before"
        return self.batch_size * world_size if self.scaling == "weak" else self.batch_size

    def batch_growth(self, world_size: int) -> float:
        """Return the global batch over the one that `lr` was chosen for.

        That is `optimizer.base_batch_size`, or else `batch_size`: one worker's in weak scaling.
        """
        global_batch = self.global_batch_of(world_size)
        return global_batch / (self.optimizer.base_batch_size or self.batch_size or global_batch)

    def growth(self, world_size: int) -> float:
        """Return what a learning-rate rule follows; `optimizer.scale_with` says it."""
        by_world = self.optimizer.scale_with == "world_size"
        return world_size if by_world else self.batch_growth(world_size)

    def adam_settings(self, rule: str, world_size: int) -> AdamSettings:
        """Return the betas and epsilon of a run; a beta may be below 0, which is refused."""
        optimizer = self.optimizer
        asked = AdamSettings(optimizer.beta1, optimizer.beta2, optimizer.epsilon)
        found = rule_of(rule).adam(asked, self.growth(world_size))
        if not optimizer.hold_beta2_half_life:
            return found
        return found._replace(beta2=asked.beta2 ** self.batch_growth(world_size))

    @property
    def settings(self) -> tuple[Mapping[str, Any], ...]:
        """Every combination of the settings that change speed and not what is trained, by name."""
        return combinations(self)

    @property
    def evaluated_every(self) -> int:
        """Epochs from one evaluation to the next; 0: none is made."""
        if self.evaluation.every is not None:
            return self.evaluation.every
        is_speed_run = self.steps is not None and self.evaluation.max_samples is None
        return 0 if is_speed_run else 1

    @property
    def _asked(self) -> Asked:
        # A ladder's smaller world sizes are the first ranks of its largest, whatever its strategy.
        is_left = self.interleaved or self.launch.placement == "PACK"
        default = None if is_left else self.launch.placement.lower()
        return Asked(self.placements, self.workers_per_node, default)

    def placements_of(self, world_size: int) -> tuple[Placement, ...]:
        """Return where so many workers are asked to be; one placement after the other."""
        return self._asked.of(world_size)

    @property
    def placement_note(self) -> str | None:
        """Which world sizes are not measured with every number of workers a node."""
        return self._asked.note(self.world_sizes)

    def with_defaults(self, defaults: WorkloadDefaults) -> SweepConfig:
        """Return the configuration with every unset training value taken from the workload."""
        values = self.model_dump()
        if self.memory_format is None:
            values["memory_format"] = (defaults.memory_format,)
        for name in ("batch_size", "lr", "use_gpu"):
            if values[name] is None:
                values[name] = getattr(defaults, name)
        if self.epochs is None and self.steps is None:
            values["epochs"] = defaults.epochs
        for part, default in (("optimizer", defaults.optimizer), ("schedule", defaults.schedule)):
            if values[part]["name"] is None:
                values[part]["name"] = default
        for name in ("momentum", "weight_decay"):
            if values["optimizer"][name] is None:
                values["optimizer"][name] = getattr(defaults, name)
        return SweepConfig.model_validate(values)
