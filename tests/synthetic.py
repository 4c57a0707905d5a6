"""Made-up Results with a known truth, for tests of analysis and report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from ray_bench.config.schema import SweepConfig
from ray_bench.records import (
    EnvironmentRecord,
    Point,
    Results,
    RunRecord,
    StopRecord,
    SweepRecord,
)
from tests.samples import make_environment

START = datetime(2026, 3, 1, 12, tzinfo=UTC)

#: Seconds per sample of one worker by phase: 95 % of 1 ms can be shared out.
SHARED_S = {"data_wait": 2e-5, "forward": 3.5e-4, "loss": 1e-5, "backward": 5e-4}
FIXED_S = {"optimizer": 4e-5, "other": 1e-5}


#: Sampled steps of the phase pass.
STEPS = 5


@dataclass(frozen=True)
class Sync:
    """Planted buckets, and by how much steps with synchronisation are slower beyond exposure."""

    bucket_bytes: tuple[int, ...] = (2**20, 2**21, 2**22)
    latency_s: float = 1e-5
    s_per_byte: float = 1e-9
    contention_s: float = 0.0


def amdahl_step_s(world_size: int, batch: int, serial_frac: float = 0.05) -> float:
    """A step of 1 ms per sample at one worker."""
    return batch * 1e-3 * (serial_frac + (1 - serial_frac) / world_size)


def environment(**changes: object) -> EnvironmentRecord:
    """A host with many cores."""
    values: dict[str, object] = {
        "hostnames": ("host-a",),
        "num_nodes": 1,
        "cpu_model": "Made-up CPU",
        "num_cpus": 64,
        "memory_bytes": 2**36,
        "torch_version": "2.11.0",
        "torchvision_version": "0.26.0",
    }
    return make_environment(**{**values, **changes})


def synthetic(
    world_sizes: Sequence[int] = (1, 2, 4, 8),
    *,
    repeats: int = 3,
    scaling: str = "strong",
    rules: Sequence[str] = ("linear",),
    seeds: Sequence[int] = (0,),
    noise: float = 0.005,
    step_s: Callable[[int, int], float] | None = None,
    batch: int = 128,
    workload: str = "resnet18-cifar10",
    with_blocks: bool = True,
    with_phases: bool = True,
    with_accuracy: bool = True,
    ddp_at_one: bool = False,
    price: float | None = 1.5,
    flags: Callable[[int], tuple[str, ...]] = lambda _: (),
    failed: Callable[[int, int], bool] = lambda _size, _repeat: False,
    num_missing: int = 0,
    ranks_s: Callable[[int, int], list[dict[str, float]]] | None = None,
    sync: Sync | None = None,
    ladder: bool = False,
    gap_s: float = 0.0,
    stop: StopRecord | None = None,
    epochs: int = 10,
    num_samples: int = 50_000,
    **run_changes: object,
) -> Results:
    """A sweep whose step time is Amdahl's with 5 % serial work, and relative noise between runs.

    `ranks_s(world_size, global_batch)` plants seconds by phase for every rank instead; the step is
    as long as the sum of the first rank's. Runs start `gap_s` apart.
    """
    rng = np.random.default_rng(7)
    host = environment()
    runs: list[RunRecord] = []
    blocks: list[dict[str, np.ndarray]] = []
    phases: list[dict[str, np.ndarray]] = []
    curves: list[dict[str, np.ndarray]] = []
    buckets: list[dict[str, np.ndarray]] = []
    pairs: list[dict[str, np.ndarray]] = []
    wraps = [(n, n > 1) for n in world_sizes]
    if ddp_at_one:
        wraps.append((1, True))
    cells = [
        (n, is_ddp, rule, seed, repeat)
        for n, is_ddp in wraps
        for rule in rules
        for seed in seeds
        for repeat in range(repeats)
    ]
    for order, (n, is_ddp, rule, seed, repeat) in enumerate(cells):
        weak = scaling == "weak"
        global_batch = batch * n if weak else batch
        planted = ranks_s(n, global_batch) if ranks_s else None
        true_step_s = (
            step_s(n, global_batch)
            if step_s
            else sum(planted[0].values())
            if planted
            else batch * 1e-3 * (1 + 0.02 * (n - 1) / n)
            if weak
            else amdahl_step_s(n, batch)
        )
        step = true_step_s * float(np.exp(noise * rng.standard_normal()))
        growth = global_batch / batch
        point = Point(
            workload=workload,
            world_size=n,
            scaling=scaling,  # type: ignore[arg-type]
            lr_rule=rule,  # type: ignore[arg-type]
            seed=seed,
            precision="fp32",
            is_ddp=is_ddp,
            global_batch_size=global_batch,
            local_batch_size=global_batch // n,
            base_lr=0.1,
            lr=0.1 * {"none": 1.0, "linear": growth, "sqrt": growth**0.5}[rule],
        )
        run_id = f"{point.point_id}-r{repeat}"
        common = {
            "sweep_id": "sweep-1",
            "run_id": run_id,
            "repeat": repeat,
            "order_index": order,
            "attempt": 1,
            "point": point,
            "started_at_utc": START + timedelta(seconds=gap_s * order),
            "ladder_id": "ladder-1" if ladder else None,
            "environment_hash": host.environment_hash,
        }
        if failed(n, repeat):
            runs.append(
                RunRecord(
                    **common,
                    status="failed",
                    wall_s=3.0,
                    error_type="WorkerFailedError",
                    error_message="rank 1 was killed | see *log*",
                    error_rank=1,
                )
            )
            continue
        accuracy = 0.62 + 0.003 * float(rng.standard_normal())
        train_s = epochs * num_samples / global_batch * step
        values: dict[str, object] = {
            "status": "ok",
            "wall_s": train_s + 30,
            "flags": flags(n),
            "dataset": "cifar10",
            "num_train_samples": num_samples,
            "num_val_samples": 10_000,
            "num_params": 11_173_962,
            "grad_bytes": 44_695_848,
            "device": "cpu",
            "backend": "gloo" if is_ddp else None,
            "num_epochs": float(epochs),
            "num_steps": epochs * -(-num_samples // global_batch),
            "setup_s": 7.5,
            "train_s": train_s,
            "eval_s": train_s * 0.05,
            "phase_pass_s": 1.0,
            "throughput_samples_per_s": global_batch / step,
            "step_time_s": step,
            "peak_memory_bytes": 2**30 + 2**29 // n,
            "final_train_loss": 1.0,
            "final_val_loss": 1.1,
        }
        if with_accuracy:
            values |= {
                "final_train_accuracy_frac": accuracy + 0.01,
                "final_val_accuracy_frac": accuracy,
                "best_val_accuracy_frac": accuracy + 0.002 * (epochs > 1),
                "best_val_epoch": max(1, epochs - 1),
            }
            curves.append(_epochs(run_id, epochs, accuracy, train_s, num_samples))
        runs.append(RunRecord(**{**common, **values, **run_changes}))  # type: ignore[arg-type]
        if with_blocks:
            blocks.append(_blocks(run_id, n, global_batch, step, rng))
        if with_phases:
            each = planted or [_even_phases(n, global_batch, is_ddp)] * n
            scale = step / sum(each[0].values())
            phases.append(_phases(run_id, each, scale, rng if planted else None))
            if sync is not None and n > 1:
                exposed = sum(x.get(p, 0.0) for x in each for p in ("skew_wait", "exposed_comm"))
                buckets.append(_buckets(run_id, n, sync))
                pairs.append(_pairs(run_id, n, exposed / n * scale + sync.contention_s, rng))
    config = SweepConfig(
        workload=workload,
        world_sizes=tuple(world_sizes),
        scaling=scaling,  # type: ignore[arg-type]
        repeats=repeats,
        price_per_worker_hour=price,
    )
    run_ids = tuple(run.run_id for run in runs) + tuple(f"gone-{i}" for i in range(num_missing))
    sweep = SweepRecord(
        sweep_id="sweep-1",
        created_at_utc=START,
        config_json=json.dumps(config.model_dump(mode="json")),
        config_sha256="ab" * 32,
        command=f"ray-bench run {workload} world_sizes=1,2,4,8",
        ray_bench_version="0.1.0",
        run_ids=run_ids,
    )
    return Results(
        sweep=sweep,
        runs=tuple(runs),
        epochs=_joined(curves),
        blocks=_joined(blocks),
        phases=_joined(phases),
        buckets=_joined(buckets),
        sync_pairs=_joined(pairs),
        stop=stop,
        environments={host.environment_hash: host},
    )


def _columns(run_id: str, **columns: np.ndarray) -> dict[str, np.ndarray]:
    count = len(next(iter(columns.values())))
    return {"run_id": np.full(count, run_id, dtype=object), **columns}


def _joined(pieces: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    if not pieces:
        return {}
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _blocks(
    run_id: str, size: int, batch: int, step: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    block, rank = (x.ravel() for x in np.meshgrid(np.arange(26), np.arange(size)))
    slow = step * 2 * np.exp(0.01 * rng.standard_normal(26))
    return _columns(
        run_id,
        rank=rank,
        block=block,
        num_steps=np.full(len(block), 2),
        num_samples=np.full(len(block), 2 * batch // size),
        duration_s=slow[block] * (1 - 0.01 * (rank > 0)),
        is_warmup=block == 0,
    )


def _epochs(
    run_id: str, count: int, accuracy: float, train_s: float, num_samples: int
) -> dict[str, np.ndarray]:
    """Return epochs whose accuracy rises to what was reached, while the loss falls from 2.3."""
    epoch = np.arange(1, count + 1)
    ramp = accuracy * (1 - np.exp(-epoch)) / (1 - np.exp(-count))
    ramp[-2:-1] = accuracy + 0.002  # the best one is the last but one
    loss = 1.0 + 1.3 * np.exp(-epoch / 3)
    return _columns(
        run_id,
        epoch=epoch,
        num_samples=np.full(count, num_samples or 0),
        train_s=np.full(count, train_s / count),
        eval_s=np.full(count, 0.05 * train_s / count),
        train_loss=loss,
        train_accuracy_frac=ramp + 0.01,
        val_loss=loss + 0.1,
        val_accuracy_frac=ramp,
        num_val_samples=np.full(count, 10_000),
    )


def _even_phases(size: int, batch: int, is_ddp: bool) -> dict[str, float]:
    """Return seconds by phase in some unit, the same on every rank."""
    seconds = {name: batch * s / size for name, s in SHARED_S.items()}
    seconds |= {name: 128 * s for name, s in FIXED_S.items()}
    if is_ddp:
        seconds["exposed_comm"] = 0.004 * (size - 1) / size
    return seconds


def _phases(
    run_id: str,
    ranks: Sequence[dict[str, float]],
    scale: float,
    rng: np.random.Generator | None,
) -> dict[str, np.ndarray]:
    """Return sampled steps, with 0.2 % noise where there is a generator."""
    names = list(ranks[0])
    index, number, rank = (
        x.ravel()
        for x in np.meshgrid(np.arange(len(names)), np.arange(STEPS), np.arange(len(ranks)))
    )
    seconds = np.array([[x[name] for name in names] for x in ranks]) * scale
    noise = 1.0 if rng is None else np.exp(0.002 * rng.standard_normal(len(index)))
    return _columns(
        run_id,
        rank=rank,
        step=number,
        phase=np.array(names, dtype=object)[index],
        duration_s=seconds[rank, index] * noise,
    )


def _buckets(run_id: str, size: int, sync: Sync) -> dict[str, np.ndarray]:
    """Return buckets that are ready 1 ms apart and go one after the other."""
    num_bytes = np.array(sync.bucket_bytes, dtype=float)
    ready = 1e-3 * np.arange(len(num_bytes))
    took = sync.latency_s + num_bytes * sync.s_per_byte
    end = np.zeros(len(num_bytes))
    for k in range(len(num_bytes)):
        end[k] = max(ready[k], end[k - 1] if k else 0.0) + took[k]
    bucket, number, rank = (
        x.ravel() for x in np.meshgrid(np.arange(len(end)), np.arange(STEPS), np.arange(size))
    )
    return _columns(
        run_id,
        rank=rank,
        step=number,
        bucket=bucket,
        num_bytes=num_bytes[bucket].astype(int),
        ready_s=ready[bucket],
        start_s=ready[bucket],
        end_s=end[bucket],
    )


def _pairs(
    run_id: str, size: int, extra_s: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    pair, rank = (x.ravel() for x in np.meshgrid(np.arange(10), np.arange(size)))
    noise = 1e-5 * rng.standard_normal((2, len(pair)))
    no_sync, with_sync = 0.05 + noise[0], 0.05 + extra_s + noise[1]
    return _columns(run_id, pair=pair, rank=rank, sync_s=with_sync, no_sync_s=no_sync)
