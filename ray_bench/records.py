"""What was measured: frozen records with the unit in every name. No I/O.

Both wings of the house meet here: `launch` and `train` make these records, `store` keeps them, and
`analysis` reads them. An unknown is None, never 0. Fractions (`_frac`) are between 0 and 1.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

import numpy as np

Scaling = Literal["strong", "weak"]
#: A rule of `config.lr_rules`: none, linear, sqrt, legw, adascale, or power:0.66.
LrRule = str
#: Whose batch statistics are normalised with: each rank's own, or those of all ranks.
BatchNorm = Literal["per_worker", "synchronised"]
Precision = Literal["fp32", "bf16"]
MemoryFormat = Literal["channels_last", "contiguous"]
CompileMode = Literal["none", "default", "reduce-overhead"]
Compression = Literal["none", "bf16"]
Trainer = Literal["tuned", "plain"]
#: What keeps ranks in step; "none": nothing that is known here, "unknown": no module was found.
Strategy = Literal["ddp", "fsdp1", "fsdp2", "none", "unknown"]
#: Whose loop made the steps: ours, somebody's script or function that we started, or a job that
#: somebody started with us beside it.
Launched = Literal["ours", "script", "train_fn", "attached"]
#: What told how many samples a step had: indices that a loader drew, the batch, or the script.
Source = Literal["indices", "batch", "script", "unknown"]
#: How a run ended; every word but "ok" means that it did not finish.
Status = Literal["ok", "failed", "diverged", "stopped", "preempted", "interrupted"]
#: Results of a training, which the same run would have again.
_LASTING = frozenset({"ok", "diverged", "stopped"})
#: What can fail: the run itself, or an extra, without which the timed training still counts.
Part = Literal[
    "run",
    "evaluation",
    "instruments",
    "noise",
    "phases",
    "sync_pairs",
    "checkpoint",
    "flops",
    "trace",
    "passes",
]

#: Columns of a long table by name; all arrays have shape (num_rows,).
Columns = Mapping[str, np.ndarray]

#: What every flag means. A flag is stored with the run and shown in every output.
FLAGS: Mapping[str, str] = {
    "standin_data": "trained on stand-in data: its accuracy is not that of the named data set",
    "oversubscribed": "more ranks than cores or GPUs on a host: no scaling claim can be made",
    "warmup_included": "too few steps to leave warm-up out: the throughput includes it",
    "few_blocks": "fewer than 20 timed blocks: the interval within the run is wide",
    "clock_mismatch": "timed blocks and wall clock differ by more than 2 %: the run is invalid",
    "clock_backwards": "a clock stepped backwards during the run: the run is invalid",
    "stalled": "a rank stood still for a time, its steps are no timing: the run is made again",
    "warmup_unsettled": "step times never settled: warm-up was ended by its limit",
    "gpu_throttled": "the driver slowed a GPU down during the run (heat, power or a fault)",
    "emulated": "the accelerator is emulated by sleeping: the times are not those of hardware",
    "batch_exceeds_data": "the global batch is larger than the data set: no step is that large",
    "evaluation_unbounded": "more samples were evaluated than evaluation.max_samples: the "
    "workload's `evaluate` does not take its share with eval_shard",
    "batch_differs": "batches had another number of samples than `batch_size` asks for: what the "
    "scaling holds fixed is up to the workload",
    "same_order": "epochs had the samples in the same order, though a sampler is there to shuffle: "
    "hand `set_epoch(epoch)` on to it, or give it shuffle=False",
    "sparse_gradients": "gradients are sparse: how many bytes are sent depends on the batches, so "
    "nothing is predicted from them",
    "resumed": "the run went on from a checkpoint after its workers were lost: its time and energy "
    "from the launch on are those of the last attempt",
    "steps_cut": "the run was ended by `steps` before the last epoch was complete",
    "placement_differs": "the workers were on other nodes than the placement that was asked for "
    "gives: the run is invalid, and is made again",
    # Of somebody else's script.
    "samples_unknown": "no data loader told how many samples a step has: the run is left out of "
    "every curve; say it in the script, ray_bench.step(num_samples=...)",
    "ranks_apart": "nothing keeps the ranks' parameters equal: each rank trains by itself, or has "
    "a part of the model, and the run is left out of every curve",
    "died_at_exit": "a signal ended a rank when its script was over, as PyTorch at times does where "
    "a process group is left: what was measured is whole; call torch.distributed."
    "destroy_process_group() at the end",
    "unequal_steps": "the ranks did not time equally many steps: what all of them timed counts",
    "steps_skipped": "a scaler of gradients left out some updates: these steps count as others do",
    "unequal_batches": "the ranks' batches are not equally large: the batch per worker is a mean",
    # One for every extra (`extra_flag`): the timed training counts all the same.
    "evaluation_failed": "an evaluation failed: the validation loss and accuracy of its epoch are "
    "unknown; `ray-bench report --failures` shows why",
    "instruments_failed": "peak memory, energy or GPU utilisation could not be read, and is "
    "unknown; `ray-bench report --failures` shows why",
    "noise_failed": "the noise pass failed, and the noise of the gradient is unknown; "
    "measure.noise_steps=0 leaves it out",
    "phases_failed": "the phase pass failed, and the phases of a step are unknown; "
    "measure.phase_steps=0 leaves it out",
    "sync_pairs_failed": "the steps with and without gradient synchronisation failed, and what it "
    "costs is unknown; measure.sync_pairs=0 leaves them out",
    "checkpoint_failed": "no checkpoint could be saved, and its time is unknown; "
    "measure.checkpoint=false leaves it out",
    "flops_failed": "the operations of a sample could not be counted, and the use of the device is "
    "unknown; `ray-bench report --failures` shows why",
    "trace_failed": "the trace failed, and there is none; measure.trace_steps=0 leaves it out",
    "passes_failed": "the workers were lost after the timed training, and what follows it is "
    "unknown; measure.phase_steps=0, noise_steps=0 and sync_pairs=0 leave it out",
}


_Value = TypeVar("_Value")


def known(value: _Value | None) -> _Value:
    """Return a value that is known here: of a training of our own, or of a run on a curve."""
    assert value is not None, "only what somebody else's script does not tell is unknown"
    return value


def extra_flag(part: Part) -> str:
    """Return the flag of a run of which an extra has failed."""
    return f"{part}_failed"


#: Of runs that finished: what went wrong need not happen the next time.
_MADE_AGAIN = frozenset({"stalled", "placement_differs"})


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a point is trained: how many ranks, and on which nodes they were asked to be."""

    world_size: int
    # Where the workers were asked to be, None where nothing was; a single one has only one place.
    placement: str | None = None  # one of Ray's strategies, or NxM: N nodes with M workers each
    num_nodes: int | None = None  # N of NxM
    workers_per_node: int | None = None  # M of NxM


@dataclass(frozen=True, kw_only=True)
class Training:
    """What a point trains, and how. What somebody else's script does not tell is None."""

    workload: str  # its name; a script's is its file's, or its module's
    scaling: Scaling | None  # None: of a script at a single world size; told by the others
    lr_rule: LrRule | None
    seed: int | None
    precision: Precision | None
    is_ddp: bool  # False for ours only at world size 1: plain PyTorch, the honest baseline
    global_batch_size: int | None  # samples per optimizer step
    local_batch_size: int | None  # samples per rank and optimizer step
    base_lr: float | None  # before the learning-rate rule
    lr: float | None  # the peak that the rule gives; the most of an adaptive one
    # The settings below are None where an older version did not record them.
    memory_format: MemoryFormat | None = None  # of the module; contiguous leaves it as it was built
    compile: CompileMode | None = None
    bucket_cap: str | None = None  # MiB, or "auto" as RunRecord.bucket_cap_mb tells; None: no DDP
    compression: Compression | None = None  # of gradients on their way; None without DDP
    accumulate_steps: int | None = None  # micro-batches of a rank's step; None: one
    max_local_batch_size: int | None = None  # what decided them, at every world size anew
    clip_grad_norm: float | None = None  # most that the gradient's norm may be; None: any

    @property
    def rule(self) -> str:
        """The learning-rate rule in a word; a script has its own."""
        return self.lr_rule or "own"


@dataclass(frozen=True, kw_only=True)
class Point(Training, Place):
    """One cell of a sweep's grid: a place and a training, whose parts are read as its own."""

    @property
    def place(self) -> Place:
        """Where it is trained."""
        return Place(**{name: getattr(self, name) for name in Place.__dataclass_fields__})

    @property
    def training(self) -> Training:
        """What is trained, and how."""
        return Training(**{name: getattr(self, name) for name in Training.__dataclass_fields__})

    @property
    def rule_label(self) -> str:
        """The learning-rate rule, or that it is unknown."""
        return self.lr_rule or "script's own"

    @property
    def num_micro_batches(self) -> int:
        """Parts of a rank's step whose gradients are added up before they are reduced."""
        return self.accumulate_steps or 1

    @property
    def micro_batch_size(self) -> int:
        """Samples that a rank computes at once, in a whole batch."""
        return known(self.local_batch_size) // self.num_micro_batches

    @property
    def point_id(self) -> str:
        """A readable name, unique within a sweep, with a short hash of what is set.

        A field that older versions did not have counts only where it is set: their ids stay.
        """
        values = asdict(self).items()
        hashed = sorted((k, v) for k, v in values if v is not None or k not in _HASHED_IF_SET)
        digest = hashlib.sha256(repr(hashed).encode()).hexdigest()[:6]
        name = self.workload.removesuffix(".py").replace(":", ".").rsplit(".", 1)[-1]
        wrap = "" if self.is_ddp or self.world_size > 1 else "-plain"
        where = "" if self.placement is None else f"-{self.placement}"
        seed = None if self.seed is None else f"s{self.seed}"
        how = "".join(f"-{x}" for x in (self.scaling, self.lr_rule, seed) if x is not None)
        return f"{name}-w{self.world_size}{wrap}{where}{how}-{digest}"


#: Fields of a point that came after the first ids were given.
_HASHED_IF_SET = frozenset(
    {
        *("placement", "num_nodes", "workers_per_node"),
        *("accumulate_steps", "max_local_batch_size", "clip_grad_norm"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One repeat of a point, and its place in the randomised order."""

    point: Point
    repeat: int  # from 0
    order_index: int  # from 0: the order in which the sweep starts its runs

    @property
    def run_id(self) -> str:
        """Unique within a sweep, the same when an interrupted sweep is resumed."""
        return f"{self.point.point_id}-r{self.repeat}"

    def can_share_workers(self, other: PlannedRun) -> bool:
        """Tell whether two runs differ in learning rate or seed alone."""
        same = replace(self.point, lr_rule=other.point.lr_rule, lr=other.point.lr)
        return self.repeat == other.repeat and replace(same, seed=other.point.seed) == other.point


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRecord:
    """A grid that was asked for: what `report` needs to tell a missing run from a failed one."""

    sweep_id: str
    created_at_utc: datetime
    config_json: str  # the resolved configuration
    config_sha256: str
    command: str
    ray_bench_version: str
    run_ids: tuple[str, ...]  # in the order in which they were to run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: its point, its outcome and its totals. Times are of the slowest rank."""

    sweep_id: str
    run_id: str
    repeat: int
    order_index: int
    attempt: int  # from 1; a resumed sweep tries a failed run again
    point: Point
    status: Status
    started_at_utc: datetime
    wall_s: float  # from the launch to the end of the run, start-up included
    flags: tuple[str, ...] = ()
    error_type: str | None = None
    error_message: str | None = None
    error_rank: int | None = None
    error_traceback: str | None = None  # as `kept_traceback` leaves it
    dataset: str | None = None
    num_train_samples: int | None = None
    num_val_samples: int | None = None
    num_params: int | None = None
    grad_bytes: int | None = None  # bytes of gradient that one all-reduce round moves
    device: str | None = None  # "cpu" or the name of the GPU
    backend: str | None = None  # "gloo", "nccl"; None without a process group
    num_epochs: float | None = None  # epochs of data seen; a fraction when `steps` ended the run
    num_steps: int | None = None
    setup_s: float | None = None  # launch to first step: processes, imports, process group, data
    train_s: float | None = None  # training steps only, warm-up steps included
    eval_s: float | None = None
    compile_s: float | None = None  # torch.compile, before the first step; not part of setup_s
    bucket_cap_mb: float | None = None  # MiB that DDP was given; None without DDP
    optimizer: str | None = None  # class name
    batch_norm: BatchNorm | None = None  # None: the module normalises no batches, or not recorded
    last_lrs: tuple[float, ...] | None = None  # of every parameter group, in the last step
    phase_pass_s: float | None = None
    saving_s: float | None = None  # in checkpoints after epochs, not part of train_s
    checkpoint_s: float | None = None  # one save of model and optimizer to local disk, by rank 0
    throughput_samples_per_s: float | None = None  # steady state: timed blocks without warm-up
    step_time_s: float | None = None  # steady state: seconds per optimizer step
    peak_memory_bytes: int | None = None  # per worker, the largest
    energy_j: float | None = None  # all devices of the run; None without a counter
    flops_per_sample: float | None = None  # forward and backward of one sample
    device_peak_flops_per_s: float | None = None  # of one worker's device, in the run's precision
    gpu_util_frac: float | None = None  # mean over GPUs and samples of the throughput pass
    gpu_memory_util_frac: float | None = None  # share of time in which device memory was accessed
    gpu_clock_mhz: float | None = None  # mean clock of the multiprocessors
    gpu_temperature_c: float | None = None  # highest
    gpu_throttle_reasons: tuple[str, ...] | None = None  # None without NVML, empty if none
    # At the weights that training ended with: jackknife values, one a step of the noise pass.
    grad_mean_sq_by_step: tuple[float, ...] | None = None  # |G|^2; their mean is the estimate
    grad_variance_by_step: tuple[float, ...] | None = None  # tr(Sigma), of one sample's gradient
    final_train_loss: float | None = None
    final_train_accuracy_frac: float | None = None
    final_val_loss: float | None = None
    final_val_accuracy_frac: float | None = None
    best_val_accuracy_frac: float | None = None
    best_val_epoch: int | None = None
    environment_hash: str | None = None
    ladder_id: str | None = None  # runs of one ladder share it; equal `repeat` is one round of it
    launch_id: str | None = None  # runs that one group of workers made one after the other share it
    rank_node_ids: tuple[str, ...] | None = None  # Ray's id of every rank's node, by rank
    rank_addresses: tuple[str, ...] | None = None  # of these nodes, by rank
    trainer: Trainer | None = None  # that started the workers; None: not told, or not Ray Train
    wait_s: float | None = (
        None  # before the launch, not part of wall_s: for places that others held
    )

    # As the batches came; None where an older version did not count them.
    throughput_tokens_per_s: float | None = None  # steady state; None: the batches do not tell
    mean_local_samples: float | None = None  # a rank and step, in the steady state
    least_local_samples: int | None = None  # the last batch of an epoch apart
    most_local_samples: int | None = None

    # None where an older version did not record them, or where the loop is ours.
    launched: Launched | None = None
    strategy: Strategy | None = None
    samples_source: Source | None = None  # None: our loop counts them
    tokens_source: Source | None = None
    found_precision: str | None = None  # `float32`, `float32, autocast bfloat16`
    script_arguments: tuple[str, ...] | None = None  # without what is secret
    script_sha256: str | None = None  # of its text

    @property
    def has_own_batches(self) -> bool:
        """Whether the workload's batches are not as large as was asked for, or differ."""
        found = {self.least_local_samples, self.most_local_samples} - {None}
        return self.mean_local_samples is not None and found != {self.point.local_batch_size}

    @property
    def samples_per_step(self) -> float:
        """Samples of all ranks in a step: as counted where the batches are the workload's own."""
        if self.has_own_batches and self.mean_local_samples is not None:
            return self.mean_local_samples * self.point.world_size
        return known(self.point.global_batch_size)

    @property
    def is_finished(self) -> bool:
        """Whether it ran to its end."""
        return self.status == "ok"

    @property
    def must_repeat(self) -> bool:
        """Whether a resumed sweep makes it again."""
        return self.status not in _LASTING or not _MADE_AGAIN.isdisjoint(self.flags)

    @property
    def startup_s(self) -> float | None:
        """Seconds from the launch to the first step, compilation included."""
        return None if self.setup_s is None else self.setup_s + (self.compile_s or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One epoch of one run, over all ranks."""

    run_id: str
    epoch: int  # from 1
    num_steps: int
    num_samples: int
    train_s: float
    eval_s: float | None
    lr: float  # at the epoch's last step
    train_loss: float
    train_accuracy_frac: float | None  # while training: augmentation and changing weights included
    val_loss: float | None
    val_accuracy_frac: float | None
    num_val_samples: int | None = None
    train_wall_clock_s: float | None = None  # train_s by the clock of the day, to check the blocks
    num_tokens: int | None = None
    # Of one rank's share of a batch, the last one of an epoch apart.
    least_local_samples: int | None = None
    most_local_samples: int | None = None
    # Over the epoch's steps, where `measure.noise_curve` or a rule asks for it; may be below 0.
    grad_mean_sq: float | None = None  # |G|^2
    grad_variance: float | None = None  # tr(Sigma), of one sample's gradient


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord:
    """One evaluation of one run, over all ranks, within an epoch or at its end."""

    run_id: str
    evaluation: int  # from 0
    epoch: int  # that was going on, or had just ended
    num_samples: int  # of all ranks, trained on by then
    train_s: float  # spent in training steps by then
    with_eval_s: float  # spent in training steps and evaluations by then, this one included
    eval_s: float  # of this one
    val_loss: float
    val_accuracy_frac: float | None
    num_val_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRecord:
    """Consecutive steps on one rank, timed together, devices synchronised at both edges."""

    run_id: str
    rank: int
    block: int  # from 0; the same block has the same steps on every rank
    epoch: int
    num_steps: int
    num_samples: int  # of this rank
    start_s: float  # since the rank's first step
    duration_s: float
    is_warmup: bool
    num_tokens: int | None = None  # of this rank; None: the batches do not tell
    applied_lr: float | None = None  # of the first parameter group, in the block's last step


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRecord:
    """One phase of one sampled step on one rank. The phases of a step add up to its wall time.

    The exposed gradient synchronisation is two phases: waiting for the slowest rank (`skew_wait`)
    and the transfer that the backward pass did not hide (`exposed_comm`).
    """

    run_id: str
    rank: int
    step: int
    phase: str  # one of PHASES
    duration_s: float


#: Phases of a training step in the order in which they happen; `other` is what no phase explains.
PHASES: tuple[str, ...] = (
    "data_wait",
    "host_to_device",
    "forward",
    "loss",
    "backward",
    "skew_wait",
    "exposed_comm",
    "optimizer",
    "other",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRecord:
    """The reduction of one gradient bucket in one sampled step of the phase pass, on one rank."""

    run_id: str
    rank: int
    step: int
    bucket: int  # from 0, in the order in which buckets become ready
    num_bytes: int
    ready_s: float  # since this rank called backward()
    start_s: float  # ready as well, since the first rank began the step: one clock for all ranks
    end_s: float  # reduced, on the same clock as start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPairRecord:
    """Two neighbouring steps on one rank, with gradient synchronisation and without (`no_sync`)."""

    run_id: str
    rank: int
    pair: int  # from 0
    sync_s: float
    no_sync_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """What failed on one rank: the run, or an extra that it goes without."""

    run_id: str
    part: Part
    rank: int | None  # None: not known, or none of them
    error_type: str
    error_message: str
    error_traceback: str | None  # as `kept_traceback` leaves it


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRecord:
    """One timed all-reduce of the network sweep; the time is that of the slowest rank."""

    network_id: str  # the sweep id where the sweep asked for it
    world_size: int
    num_nodes: int  # by Ray's ids
    backend: str
    device: str  # "cpu" or the name of the GPU
    num_bytes: int  # of the buffer on every rank
    sample: int  # from 0
    duration_s: float
    workers_per_node: int | None = None  # the most of its ranks that were on one node
    is_run_placement: bool | None = None  # whether runs of this size are placed so; None: unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecord:
    """Why a sweep with a stop rule made no more repeats."""

    sweep_id: str
    reason: str  # narrow_enough, max_repeats, budget
    num_repeats: int  # of every world size
    half_width_frac: float | None  # the widest of the speedups' relative half-widths that it left
    wanted_half_width_frac: float
    stopped_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRecord:
    """Where runs happened: hardware, topology and versions. Equal environments share a hash."""

    hostnames: tuple[str, ...]
    num_nodes: int
    cpu_model: str | None
    num_cpus: int  # physical cores of the smallest host that the run may use
    memory_bytes: int
    gpu_names: tuple[str, ...]
    num_gpus: int
    gpu_driver: str | None
    kernel: str
    python_version: str
    torch_version: str
    torchvision_version: str
    ray_version: str
    nccl_version: str | None
    ray_bench_version: str
    commit: str | None  # of the working directory, where it is a git checkout
    omp_num_threads: int | None
    niceness: int
    ddp_arguments: str  # JSON
    cpu_governor: str | None = None  # of frequency scaling; None where the system does not tell
    gpu_topology: str | None = None  # JSON: the link between each pair of a host's GPUs

    @property
    def environment_hash(self) -> str:
        """SHA-256 of all fields, 16 hex digits."""
        text = repr(sorted(asdict(self).items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """Everything that one run leaves behind; what the store writes in one go."""

    run: RunRecord
    epochs: tuple[EpochRecord, ...] = ()
    blocks: tuple[BlockRecord, ...] = ()
    phases: tuple[PhaseRecord, ...] = ()
    buckets: tuple[BucketRecord, ...] = ()
    sync_pairs: tuple[SyncPairRecord, ...] = ()
    evaluations: tuple[EvaluationRecord, ...] = ()
    failures: tuple[FailureRecord, ...] = ()
    traces: Mapping[int, bytes] = field(default_factory=dict)  # by rank: Chrome trace, gzip, JSON
    outputs: Mapping[int, bytes] = field(default_factory=dict)  # by rank: what a script wrote
    environment: EnvironmentRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One sweep as it is read back. Long tables are columns, named as the record's fields."""

    sweep: SweepRecord
    runs: tuple[RunRecord, ...]
    epochs: Columns = field(default_factory=dict)
    blocks: Columns = field(default_factory=dict)
    phases: Columns = field(default_factory=dict)
    buckets: Columns = field(default_factory=dict)
    sync_pairs: Columns = field(default_factory=dict)
    evaluations: Columns = field(default_factory=dict)
    failures: tuple[FailureRecord, ...] = ()  # of the runs above, and of their extras
    environments: Mapping[str, EnvironmentRecord] = field(default_factory=dict)  # by hash
    network: Columns = field(default_factory=dict)  # empty without an all-reduce sweep
    stop: StopRecord | None = None  # None without a stop rule, or before it has stopped

    @property
    def ok_runs(self) -> tuple[RunRecord, ...]:
        """Runs that finished."""
        return tuple(run for run in self.runs if run.is_finished)

    @property
    def failed_runs(self) -> tuple[RunRecord, ...]:
        """Runs that did not finish, whatever their status, each with its cause."""
        return tuple(run for run in self.runs if not run.is_finished)

    @property
    def missing_run_ids(self) -> tuple[str, ...]:
        """Planned runs that have left no record at all."""
        present = {run.run_id for run in self.runs}
        return tuple(run_id for run_id in self.sweep.run_ids if run_id not in present)


#: Of a traceback its end is kept: that is where the cause is.
MAX_TRACEBACK_CHARS = 8_000
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def kept_traceback(text: str) -> str:
    """Return a traceback as a run keeps it: without colours, and of a long one the end."""
    return _COLOUR.sub("", text).strip()[-MAX_TRACEBACK_CHARS:]


def record_from_dict(values: Mapping[str, Any]) -> RunRecord:
    """Build a RunRecord from flat columns, the point's among them; the inverse of `flat_run`."""
    point_names = Point.__dataclass_fields__
    point = Point(**{name: values[name] for name in point_names})
    rest = {name: value for name, value in values.items() if name not in point_names}
    return RunRecord(point=point, **rest)


def flat_run(run: RunRecord) -> dict[str, Any]:
    """Return the run as flat columns, the point's fields beside the run's own."""
    values = {name: getattr(run, name) for name in RunRecord.__dataclass_fields__}
    point = values.pop("point")
    return {**asdict(point), **values}
