"""Made-up results for benchmarks of store and report: Amdahl with 5 % serial work and noise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from ray_bench.config.grid import expand
from ray_bench.config.schema import SweepConfig
from ray_bench.records import (
    PHASES,
    BlockRecord,
    BucketRecord,
    EnvironmentRecord,
    EpochRecord,
    PhaseRecord,
    PlannedRun,
    RunData,
    RunRecord,
    SweepRecord,
    SyncPairRecord,
)
from ray_bench.store import ResultsStore

SWEEP_ID = "20260102T030405Z-abcdef"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STEP_S = 0.1
SERIAL_FRAC = 0.05
NUM_PHASE_STEPS, NUM_BUCKETS, NUM_PAIRS, NUM_EPOCHS = 20, 6, 10, 30

HOST = EnvironmentRecord(
    hostnames=("host-a",),
    num_nodes=1,
    cpu_model="made up",
    num_cpus=64,
    memory_bytes=2**36,
    gpu_names=(),
    num_gpus=0,
    gpu_driver=None,
    kernel="6.1",
    python_version="3.11.7",
    torch_version="2.11.0",
    torchvision_version="0.26.0",
    ray_version="2.60.0",
    nccl_version=None,
    ray_bench_version="0.1.0",
    commit=None,
    omp_num_threads=1,
    niceness=0,
    ddp_arguments="{}",
)


def sweep_config(world_sizes: Sequence[int] = (1, 2, 4, 8), repeats: int = 8) -> SweepConfig:
    """Return the configuration that the made-up results belong to."""
    return SweepConfig(
        workload="resnet18-cifar10",
        world_sizes=tuple(world_sizes),
        batch_size=128,
        lr=0.1,
        epochs=NUM_EPOCHS,
        repeats=repeats,
        price_per_worker_hour=1.0,
    )


def write_store(root: Path, *, num_block_rows: int, repeats: int = 8) -> int:
    """Write a sweep with about so many block rows; return how many there are."""
    config = sweep_config(repeats=repeats)
    planned = expand(config)
    num_ranks = sum(run.point.world_size for run in planned)
    blocks_per_rank = -(-num_block_rows // num_ranks)
    store = ResultsStore(root)
    store.write_sweep(
        SweepRecord(
            sweep_id=SWEEP_ID,
            created_at_utc=START,
            config_json=json.dumps(config.model_dump(mode="json")),
            config_sha256="ab" * 32,
            command="ray-bench run resnet18-cifar10",
            ray_bench_version="0.1.0",
            run_ids=tuple(run.run_id for run in planned),
        )
    )
    rng = np.random.default_rng(0)
    for run in planned:
        store.write_run(made_up_run(run, blocks_per_rank, rng))
    return blocks_per_rank * num_ranks


def write_other_sweeps(root: Path, num_sweeps: int, num_runs: int, age: timedelta) -> None:
    """Write sweeps that are older than that of `write_store`, of runs without long tables."""
    config = sweep_config((1, 2), repeats=-(-num_runs // 2))
    planned = expand(config)[:num_runs]
    runs = [made_up_run(run, 1, np.random.default_rng(0)).run for run in planned]
    store = ResultsStore(root)
    for number in range(num_sweeps):
        created = START - age + timedelta(seconds=number)
        sweep_id = f"{created:%Y%m%dT%H%M%SZ}-abcdef"
        store.write_sweep(
            SweepRecord(
                sweep_id=sweep_id,
                created_at_utc=created,
                config_json=json.dumps(config.model_dump(mode="json")),
                config_sha256="ab" * 32,
                command="ray-bench run resnet18-cifar10",
                ray_bench_version="0.1.0",
                run_ids=tuple(run.run_id for run in runs),
            )
        )
        for run in runs:
            store.write_run(RunData(run=replace(run, sweep_id=sweep_id)))


def made_up_sweep(sweep_id: str) -> tuple[SweepRecord, RunRecord]:
    """Return a sweep that begins now, without runs, and one of the runs it may get."""
    config = sweep_config((1, 2), repeats=1)
    run = made_up_run(expand(config)[0], 1, np.random.default_rng(0)).run
    sweep = SweepRecord(
        sweep_id=sweep_id,
        created_at_utc=datetime.now(UTC),
        config_json=json.dumps(config.model_dump(mode="json")),
        config_sha256="ab" * 32,
        command="ray-bench run resnet18-cifar10",
        ray_bench_version="0.1.0",
        run_ids=(run.run_id,),
    )
    return sweep, replace(run, sweep_id=sweep_id)


def made_up_run(planned: PlannedRun, num_blocks: int, rng: np.random.Generator) -> RunData:
    """Return everything that one run leaves behind, with so many blocks on each rank."""
    size, run_id = planned.point.world_size, planned.run_id
    step_s = STEP_S * (SERIAL_FRAC + (1 - SERIAL_FRAC) / size) * float(np.exp(rng.normal(0, 0.003)))
    epochs = tuple(_epoch(run_id, epoch, step_s) for epoch in range(1, NUM_EPOCHS + 1))
    run = RunRecord(
        sweep_id=SWEEP_ID,
        run_id=run_id,
        repeat=planned.repeat,
        order_index=planned.order_index,
        attempt=1,
        point=planned.point,
        status="ok",
        started_at_utc=START,
        wall_s=500.0,
        dataset="CIFAR-10",
        num_train_samples=50_000,
        num_val_samples=10_000,
        num_params=11_173_962,
        grad_bytes=44_695_848,
        device="cpu",
        backend="gloo" if size > 1 else None,
        num_epochs=float(NUM_EPOCHS),
        num_steps=NUM_EPOCHS * 391,
        setup_s=8.0,
        train_s=NUM_EPOCHS * 391 * step_s,
        eval_s=5.0,
        phase_pass_s=3.0,
        throughput_samples_per_s=planned.point.global_batch_size / step_s,
        step_time_s=step_s,
        peak_memory_bytes=2**30,
        final_train_loss=0.5,
        final_val_loss=0.6,
        final_val_accuracy_frac=0.9,
        best_val_accuracy_frac=0.9,
        best_val_epoch=NUM_EPOCHS,
        environment_hash=HOST.environment_hash,
    )
    ranks = range(size)
    return RunData(
        run=run,
        epochs=epochs,
        blocks=tuple(b for rank in ranks for b in _blocks(planned, rank, num_blocks, step_s, rng)),
        phases=tuple(p for rank in ranks for p in _phases(run_id, rank, step_s)),
        buckets=tuple(b for rank in ranks for b in _buckets(run_id, rank, step_s) if size > 1),
        sync_pairs=tuple(p for rank in ranks for p in _pairs(run_id, rank, step_s) if size > 1),
        environment=HOST,
    )


def _epoch(run_id: str, epoch: int, step_s: float) -> EpochRecord:
    accuracy = 0.9 * (1 - float(np.exp(-epoch / 5)))
    return EpochRecord(
        run_id=run_id,
        epoch=epoch,
        num_steps=391,
        num_samples=50_000,
        train_s=391 * step_s,
        eval_s=0.2,
        lr=0.1,
        train_loss=2.0 / epoch,
        train_accuracy_frac=accuracy,
        val_loss=2.1 / epoch,
        val_accuracy_frac=accuracy,
        num_val_samples=10_000,
        train_wall_clock_s=391 * step_s,
    )


def _blocks(
    planned: PlannedRun, rank: int, num_blocks: int, step_s: float, rng: np.random.Generator
) -> list[BlockRecord]:
    durations = 5 * step_s * np.exp(rng.normal(0, 0.01, num_blocks))
    starts = np.cumsum(durations) - durations
    return [
        BlockRecord(
            run_id=planned.run_id,
            rank=rank,
            block=index,
            epoch=1,
            num_steps=5,
            num_samples=5 * planned.point.local_batch_size,
            start_s=float(starts[index]),
            duration_s=float(durations[index]),
            is_warmup=index == 0,
        )
        for index in range(num_blocks)
    ]


def _phases(run_id: str, rank: int, step_s: float) -> list[PhaseRecord]:
    return [
        PhaseRecord(
            run_id=run_id, rank=rank, step=step, phase=phase, duration_s=step_s / len(PHASES)
        )
        for step in range(NUM_PHASE_STEPS)
        for phase in PHASES
    ]


def _buckets(run_id: str, rank: int, step_s: float) -> list[BucketRecord]:
    share_s = step_s / (NUM_BUCKETS + 1)
    return [
        BucketRecord(
            run_id=run_id,
            rank=rank,
            step=step,
            bucket=bucket,
            num_bytes=2**22,
            ready_s=bucket * share_s,
            start_s=bucket * share_s,
            end_s=(bucket + 1) * share_s,
        )
        for step in range(NUM_PHASE_STEPS)
        for bucket in range(NUM_BUCKETS)
    ]


def _pairs(run_id: str, rank: int, step_s: float) -> list[SyncPairRecord]:
    return [
        SyncPairRecord(run_id=run_id, rank=rank, pair=pair, sync_s=step_s, no_sync_s=0.95 * step_s)
        for pair in range(NUM_PAIRS)
    ]
