"""Made-up records for tests of the store and the command line."""

from datetime import UTC, datetime

from ray_bench.records import (
    BlockRecord,
    EnvironmentRecord,
    EpochRecord,
    PhaseRecord,
    PlannedRun,
    Point,
    RunData,
    RunRecord,
    SweepRecord,
)

START = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def make_point(**changes) -> Point:
    values = {
        "workload": "cnn-digits",
        "world_size": 2,
        "scaling": "strong",
        "lr_rule": "linear",
        "seed": 0,
        "precision": "fp32",
        "is_ddp": True,
        "global_batch_size": 64,
        "local_batch_size": 32,
        "base_lr": 0.1,
        "lr": 0.2,
    }
    return Point(**{**values, **changes})


def make_sweep(**changes) -> SweepRecord:
    values = {
        "sweep_id": "20260102T030405Z-abcdef",
        "created_at_utc": START,
        "config_json": "{}",
        "config_sha256": "abcdef",
        "command": "ray-bench run demo",
        "ray_bench_version": "0.1.0",
        "run_ids": ("a", "b"),
    }
    return SweepRecord(**{**values, **changes})


def make_run(**changes) -> RunRecord:
    values = {
        "sweep_id": "20260102T030405Z-abcdef",
        "run_id": "a",
        "repeat": 0,
        "order_index": 0,
        "attempt": 1,
        "point": make_point(),
        "status": "ok",
        "started_at_utc": START,
        "wall_s": 12.3,
        "throughput_samples_per_s": 1234.4,
    }
    return RunRecord(**{**values, **changes})


def make_environment(**changes) -> EnvironmentRecord:
    values = {
        "hostnames": ("one", "two"),
        "num_nodes": 2,
        "cpu_model": None,
        "num_cpus": 4,
        "memory_bytes": 2**34,
        "gpu_names": (),
        "num_gpus": 0,
        "gpu_driver": None,
        "kernel": "6.1",
        "python_version": "3.11.7",
        "torch_version": "2.15.0",
        "torchvision_version": "0.29",
        "ray_version": "2.60.0",
        "nccl_version": None,
        "ray_bench_version": "0.1.0",
        "commit": None,
        "omp_num_threads": 1,
        "niceness": 0,
        "ddp_arguments": "{}",
    }
    return EnvironmentRecord(**{**values, **changes})


def make_data(*, with_tables: bool = True, **changes) -> RunData:
    environment = make_environment()
    run = make_run(environment_hash=environment.environment_hash, **changes)
    if not with_tables:
        return RunData(run=run)
    run_id = run.run_id
    return RunData(
        run=run,
        epochs=tuple(_epoch(run_id, epoch) for epoch in (1, 2)),
        blocks=tuple(_block(run_id, rank) for rank in (0, 1)),
        phases=(PhaseRecord(run_id=run_id, rank=0, step=3, phase="forward", duration_s=0.01),),
        environment=environment,
    )


def data_of(planned: PlannedRun, sweep_id: str, **changes) -> RunData:
    """What a run of a fake launcher leaves behind."""
    values = {
        "sweep_id": sweep_id,
        "run_id": planned.run_id,
        "repeat": planned.repeat,
        "order_index": planned.order_index,
        "point": planned.point,
    }
    return make_data(**{**values, **changes})


def _epoch(run_id: str, epoch: int) -> EpochRecord:
    return EpochRecord(
        run_id=run_id,
        epoch=epoch,
        num_steps=10,
        num_samples=640,
        train_s=1.5,
        eval_s=None,
        lr=0.2,
        train_loss=2.0 / epoch,
        train_accuracy_frac=0.5,
        val_loss=None,
        val_accuracy_frac=None if epoch == 1 else 0.6,
    )


def _block(run_id: str, rank: int) -> BlockRecord:
    return BlockRecord(
        run_id=run_id,
        rank=rank,
        block=0,
        epoch=1,
        num_steps=5,
        num_samples=160,
        start_s=0.0,
        duration_s=0.25,
        is_warmup=rank == 0,
    )
