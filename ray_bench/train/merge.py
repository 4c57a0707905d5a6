"""From what every rank measured to the one record of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from ray_bench.errors import TrainingError
from ray_bench.measure import totals
from ray_bench.measure.environment import HostFacts, environment_record
from ray_bench.measure.peaks import device_peak_flops_per_s
from ray_bench.measure.utilization import GpuUse, join_uses
from ray_bench.records import (
    BatchNorm,
    BlockRecord,
    BucketRecord,
    EnvironmentRecord,
    EpochRecord,
    EvaluationRecord,
    FailureRecord,
    PhaseRecord,
    RunData,
    RunRecord,
    SyncPairRecord,
    extra_flag,
    known,
)
from ray_bench.train.batch_tally import are_one_size, batch_differs, batch_fields
from ray_bench.train.checks import batch_norm_of, has_sparse_gradients
from ray_bench.train.loop import Loop
from ray_bench.train.noise_scale import GradNoise
from ray_bench.train.passes import ExtraMeasurements
from ray_bench.train.requests import RunRequest
from ray_bench.train.shares import samples_per_epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class RankReport:
    """What one rank measured; gathered on all ranks at the end."""

    blocks: list[BlockRecord]
    epochs: list[EpochRecord]
    phases: list[PhaseRecord]
    buckets: list[BucketRecord]
    sync_pairs: list[SyncPairRecord]
    evaluations: list[EvaluationRecord]
    failures: list[FailureRecord]
    extra: ExtraMeasurements
    flags: tuple[str, ...]
    host: HostFacts
    peak_memory_bytes: int | None
    reads_energy: bool
    energy_j: float | None
    setup_s: float

    def other_times_s(self) -> list[float | None]:
        """Return all that was timed beside blocks and epochs, in seconds."""
        return [
            self.extra.phase_pass_s,
            self.extra.checkpoint_s,
            *(phase.duration_s for phase in self.phases),
            *(seconds for pair in self.sync_pairs for seconds in (pair.sync_s, pair.no_sync_s)),
        ]

    gpu: GpuUse | None = None  # None on CPU and without NVML


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What is the same on every rank and needs no measuring."""

    dataset: str | None
    is_standin: bool
    is_emulated: bool
    num_train_samples: int | None
    num_params: int
    grad_bytes: int | None
    device: str
    total_steps: int
    steps_per_epoch: int | None  # None: the batches have no length
    device_peak_flops_per_s: float | None
    bucket_cap_mb: float | None
    ddp_arguments: Mapping[str, Any]
    optimizer: str  # class name
    batch_norm: BatchNorm | None
    saving_s: float | None
    last_lrs: tuple[float, ...]


def last_lrs(loop: Loop) -> tuple[float, ...]:
    """Return the rate of every parameter group, as the optimizer has it now."""
    return tuple(float(group["lr"]) for group in loop.stepper.optimizer.param_groups)


def run_facts(loop: Loop) -> RunFacts:
    """Read the facts off a loop."""
    trainable = [p for p in loop.module.parameters() if p.requires_grad]
    return RunFacts(
        dataset=_dataset_name(loop.batches.batches),
        is_standin=bool(getattr(loop.batches.batches, "is_standin", False)),
        is_emulated=bool(getattr(loop.workload, "is_emulated", False)),
        num_train_samples=samples_per_epoch(loop.batches),
        num_params=sum(p.numel() for p in trainable),
        grad_bytes=None
        if has_sparse_gradients(loop.module)  # as many as the batch has rows
        else sum(p.numel() * _sent_bytes(p, loop) for p in trainable),
        device=loop.group.device.type,
        total_steps=loop.total_steps,
        steps_per_epoch=None if loop.batches.num_steps is None else loop.steps_per_epoch,
        device_peak_flops_per_s=device_peak_flops_per_s(
            loop.group.device, known(loop.point.precision), loop.module.modules()
        ),
        bucket_cap_mb=loop.bucket_cap_mb,
        ddp_arguments=loop.ddp_arguments,
        optimizer=type(loop.stepper.optimizer).__name__,
        batch_norm=batch_norm_of(loop.module),
        saving_s=None if loop.checkpoints is None else loop.spent.saving_s,
        last_lrs=last_lrs(loop),
    )


def _sent_bytes(parameter: torch.nn.Parameter, loop: Loop) -> int:
    is_halved = loop.point.compression == "bf16"
    return torch.bfloat16.itemsize if is_halved else parameter.element_size()


def _dataset_name(batches: Any) -> str | None:
    # A DataLoader's `dataset` is the data set itself.
    name = getattr(batches, "dataset", None)
    return name if isinstance(name, str) else None


def merge(request: RunRequest, facts: RunFacts, ranks: Sequence[RankReport]) -> RunData:
    """Return the run's records. `wall_s` is the launch's to fill in, it ends after the ranks do.

    Raises:
        TrainingError: If there are not as many ranks as the point says.
    """
    wanted = request.planned.point.world_size
    if len(ranks) != wanted:
        raise TrainingError(
            f"A run of {wanted} ranks was measured by {len(ranks)}: it would count at a world size "
            "that is not its own. Leave the number of workers to the sweep (no elastic scaling)."
        )
    epochs = totals.slowest_epochs([rank.epochs for rank in ranks])
    evaluations = totals.slowest_evaluations([rank.evaluations for rank in ranks])
    environment = environment_record(
        [rank.host for rank in ranks],
        ddp_arguments=dict(facts.ddp_arguments),
        commit=request.commit,
    )
    rate, step_time_s, flags = totals.throughput([rank.blocks for rank in ranks])
    num_samples = facts.num_train_samples or _samples_of_a_whole_epoch(facts, epochs)
    flags += _flags(facts, ranks, environment)
    most = request.config.evaluation.max_samples
    if most is not None and (epochs[-1].num_val_samples or 0) > most:
        flags.append("evaluation_unbounded")
    batches = batch_fields([rank.blocks for rank in ranks], epochs)
    if batch_differs(batches, known(request.planned.point.local_batch_size)):
        flags.append("batch_differs")
    if num_samples is not None and known(request.planned.point.global_batch_size) > num_samples:
        flags.append("batch_exceeds_data")
    run = RunRecord(
        sweep_id=request.sweep_id,
        run_id=request.planned.run_id,
        repeat=request.planned.repeat,
        order_index=request.planned.order_index,
        attempt=request.attempt,
        point=request.planned.point,
        status="ok",
        started_at_utc=request.started_at_utc,
        wall_s=0.0,
        flags=tuple(flags),
        throughput_samples_per_s=rate,
        throughput_tokens_per_s=totals.tokens_per_s([rank.blocks for rank in ranks]),
        step_time_s=step_time_s,
        environment_hash=environment.environment_hash,
        num_train_samples=num_samples,
        trainer=request.trainer,
        launched="ours",
        strategy="ddp" if request.planned.point.is_ddp else "none",
        **batches,
        **_fact_fields(facts, environment),
        **_epoch_fields(epochs, evaluations),
        **_rank_fields(ranks),
        flops_per_sample=ranks[0].extra.flops_per_sample if are_one_size(batches) else None,
        **_gpu_fields(ranks),
    )
    return RunData(
        run=run,
        epochs=epochs,
        blocks=tuple(block for rank in ranks for block in rank.blocks),
        phases=tuple(phase for rank in ranks for phase in rank.phases),
        buckets=tuple(bucket for rank in ranks for bucket in rank.buckets),
        sync_pairs=tuple(pair for rank in ranks for pair in rank.sync_pairs),
        evaluations=evaluations,
        failures=tuple(failure for rank in ranks for failure in rank.failures),
        traces={
            index: rank.extra.trace
            for index, rank in enumerate(ranks)
            if rank.extra.trace is not None
        },
        environment=environment,
    )


def _flags(
    facts: RunFacts, ranks: Sequence[RankReport], environment: EnvironmentRecord
) -> list[str]:
    checks = {
        "standin_data": facts.is_standin,
        "emulated": facts.is_emulated,
        # A rank that sleeps takes no core from another one.
        "oversubscribed": not facts.is_emulated and _oversubscribed(ranks, environment),
        "clock_mismatch": any(totals.clock_mismatch(rank.blocks, rank.epochs) for rank in ranks),
        "clock_backwards": any(
            totals.clock_backwards(rank.blocks, rank.epochs, rank.other_times_s()) for rank in ranks
        ),
        "stalled": totals.stalled([rank.blocks for rank in ranks]),
        "warmup_unsettled": any("warmup_unsettled" in rank.flags for rank in ranks),
        "gpu_throttled": any(rank.gpu.is_throttled for rank in ranks if rank.gpu is not None),
        "steps_cut": facts.steps_per_epoch is not None
        and facts.total_steps % facts.steps_per_epoch != 0,
        "sparse_gradients": facts.grad_bytes is None,
        "same_order": any("same_order" in rank.flags for rank in ranks),
        "resumed": any("resumed" in rank.flags for rank in ranks),
    }
    lost = dict.fromkeys(extra_flag(x.part) for rank in ranks for x in rank.failures)
    return [*(name for name, is_set in checks.items() if is_set), *lost]


def _oversubscribed(ranks: Sequence[RankReport], environment: EnvironmentRecord) -> bool:
    """Ranks share a GPU, or have more threads on a host than it has cores."""
    if environment.num_gpus:
        return len({(r.host.node, r.host.gpu_uuid) for r in ranks}) < len(ranks)
    threads: Counter[str] = Counter()
    for rank in ranks:
        threads[rank.host.node] += rank.host.omp_num_threads or 1
    return any(threads[rank.host.node] > rank.host.num_cpus for rank in ranks)


def _samples_of_a_whole_epoch(facts: RunFacts, epochs: Sequence[EpochRecord]) -> int | None:
    first = epochs[0]
    return first.num_samples if first.num_steps == facts.steps_per_epoch else None


def _fact_fields(facts: RunFacts, environment: EnvironmentRecord) -> dict[str, Any]:
    gpu = environment.gpu_names[0] if environment.gpu_names else None
    return {
        "dataset": facts.dataset,
        "num_params": facts.num_params,
        "device_peak_flops_per_s": facts.device_peak_flops_per_s,
        "grad_bytes": facts.grad_bytes,
        "bucket_cap_mb": facts.bucket_cap_mb,
        "optimizer": facts.optimizer,
        "batch_norm": facts.batch_norm,
        "saving_s": facts.saving_s,
        "last_lrs": facts.last_lrs,
        "device": gpu or facts.device,
        "backend": dist.get_backend() if dist.is_initialized() else None,
        "num_steps": facts.total_steps,
        "num_epochs": facts.steps_per_epoch and facts.total_steps / facts.steps_per_epoch,
    }


def _epoch_fields(
    epochs: Sequence[EpochRecord], evaluations: Sequence[EvaluationRecord]
) -> dict[str, Any]:
    last, best = epochs[-1], totals.best_epoch(epochs)
    evals = [evaluation.eval_s for evaluation in evaluations]
    return {
        "train_s": sum(epoch.train_s for epoch in epochs),
        "eval_s": sum(evals) if evals else None,
        "num_val_samples": last.num_val_samples,
        "final_train_loss": last.train_loss,
        "final_train_accuracy_frac": last.train_accuracy_frac,
        "final_val_loss": last.val_loss,
        "final_val_accuracy_frac": last.val_accuracy_frac,
        "best_val_accuracy_frac": best.val_accuracy_frac if best else None,
        "best_val_epoch": best.epoch if best else None,
    }


def _rank_fields(ranks: Sequence[RankReport]) -> dict[str, Any]:
    readings = [rank.energy_j for rank in ranks if rank.reads_energy]
    known = [reading for reading in readings if reading is not None]
    extras = [rank.extra for rank in ranks]
    return {
        "setup_s": max(rank.setup_s for rank in ranks),
        "compile_s": totals.max_or_none([extra.compile_s for extra in extras]),
        "phase_pass_s": totals.max_or_none([extra.phase_pass_s for extra in extras]),
        "checkpoint_s": extras[0].checkpoint_s,
        **_noise_fields(extras[0].grad_noise),
        "rank_node_ids": _all_or_none([rank.host.node_id for rank in ranks]),
        "rank_addresses": _all_or_none([rank.host.node_address for rank in ranks]),
        "peak_memory_bytes": _largest_known([rank.peak_memory_bytes for rank in ranks]),
        "energy_j": sum(known) if known and len(known) == len(readings) else None,
    }


def _largest_known(values: Sequence[int | None]) -> int | None:
    """Return the largest; None where one is unknown, which may be it."""
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def _all_or_none(values: Sequence[str | None]) -> tuple[str, ...] | None:
    known = tuple(value for value in values if value is not None)
    return known if len(known) == len(values) else None


def _noise_fields(noise: GradNoise | None) -> dict[str, Any]:
    if noise is None:
        return {}
    return {"grad_mean_sq_by_step": noise.mean_sq, "grad_variance_by_step": noise.variance}


def _gpu_fields(ranks: Sequence[RankReport]) -> dict[str, Any]:
    use = join_uses([rank.gpu for rank in ranks])
    if use is None:
        return {}
    return {
        "gpu_util_frac": use.util_frac,
        "gpu_memory_util_frac": use.memory_util_frac,
        "gpu_clock_mhz": use.clock_mhz,
        "gpu_temperature_c": use.temperature_c,
        "gpu_throttle_reasons": use.throttle_reasons,
    }
