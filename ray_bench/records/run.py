"""One run: its point, its outcome and its totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ray_bench.records.known import known
from ray_bench.records.point import Point
from ray_bench.records.words import BatchNorm, Launched, Source, Status, Strategy, Trainer

#: Results of a training, which the same run would have again.
_LASTING = frozenset({"ok", "diverged", "stopped"})

#: Of runs that finished: what went wrong need not happen the next time.
_MADE_AGAIN = frozenset({"stalled", "placement_differs"})


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
