"""Training steps on a ring of workers, played event by event: the truth that predictions are
held against. It shares no code with the replay: messages go hop by hop, and workers differ."""

from __future__ import annotations

import dataclasses
import heapq
import json
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from ray_bench.records import Results
from tests.synthetic import synthetic


@dataclass(frozen=True)
class Truth:
    """Seconds of one worker, and the link."""

    data_s: float = 0.002
    forward_s_per_sample: float = 0.0004
    backward_s_per_sample: float = 0.0008
    fixed_s: float = 0.004
    stuck_s: float = 0.0  # of forward and backward, whatever the batch
    layers_mib: tuple[float, ...] = (4.0, 9.0, 9.0, 1.0)
    alpha_s: float = 5e-5
    beta_s_per_byte: float = 1e-9
    noise: float = 0.0  # relative, of a worker's computation from step to step
    data_grows: bool = True


@dataclass
class Played:
    """One step: when it ended, and what one rank saw."""

    step_s: float
    ranks: list[dict[str, float]]
    ready_s: list[list[float]]  # by rank and bucket, since backward()
    end_s: list[float]


def play(truth: Truth, world_size: int, batch: float, rng: np.random.Generator) -> Played:
    """Play one step of all ranks."""
    events: list[tuple[float, str, int, int]] = []  # (time, what, rank, bucket)
    ranks, ready_s = [], []
    count = len(truth.layers_mib)
    for rank in range(world_size):
        scale = max(0.1, 1 + truth.noise * rng.standard_normal())
        forward = (truth.forward_s_per_sample * batch + truth.stuck_s / 3) * scale
        backward = (truth.backward_s_per_sample * batch + truth.stuck_s * 2 / 3) * scale
        data = truth.data_s * (batch / 64 if truth.data_grows else 1) * scale
        begin = data + forward
        ranks.append({"data_wait": data, "forward": forward, "backward": backward})
        # Layers take equally long; the bucket of each is ready at its end.
        ready_s.append([backward * (k + 1) / count for k in range(count)])
        for k, at in enumerate(ready_s[-1]):
            heapq.heappush(events, (begin + at, "ready", rank, k))
    missing = [world_size] * count
    waiting: list[int] = []
    end_s = [0.0] * count
    is_busy = False
    now = 0.0
    while events:
        now, what, _, k = heapq.heappop(events)
        if what == "ready":
            missing[k] -= 1
            if missing[k] == 0:
                waiting.append(k)
        else:
            hops, bucket = divmod(k, count)
            if hops:  # one more message of the ring
                heapq.heappush(
                    events, (now + _hop_s(truth, world_size, bucket), "hop", 0, k - count)
                )
                continue
            end_s[bucket], is_busy = now, False
        if waiting and not is_busy:
            is_busy, bucket = True, waiting.pop(0)
            hops = 2 * (world_size - 1)
            heapq.heappush(events, (now, "hop", 0, hops * count + bucket))
    return Played(now + truth.fixed_s, ranks, ready_s, end_s)


def _hop_s(truth: Truth, world_size: int, bucket: int) -> float:
    share = truth.layers_mib[bucket] * 2**20 / world_size
    return truth.alpha_s + share * truth.beta_s_per_byte


def mean_step_s(truth: Truth, world_size: int, batch: float, steps: int = 400) -> float:
    """The mean step time of a long run."""
    rng = np.random.default_rng(world_size)
    steps = steps if truth.noise else 1
    return fmean(play(truth, world_size, batch, rng).step_s for _ in range(steps))


def played_results(
    truth: Truth,
    *,
    scaling: str = "strong",
    batch: int = 64,
    world_sizes: tuple[int, ...] = (1, 2, 4, 8),
    sampled_at: tuple[int, ...] = (1,),
    with_buckets: bool = True,
    ddp_at_one: bool = True,
    sweep_id: str = "sweep-1",
    **changes,
) -> Results:
    """A sweep of played steps; phases and buckets only where `sampled_at` says so."""
    results = synthetic(
        world_sizes,
        scaling=scaling,
        batch=batch,
        noise=0.0,
        with_phases=False,
        with_blocks=False,
        with_accuracy=False,
        ddp_at_one=ddp_at_one,
        step_s=lambda n, whole: mean_step_s(truth, n, whole / n),
        grad_bytes=int(sum(truth.layers_mib) * 2**20),
        **changes,
    )
    phases: list[dict] = []
    buckets: list[dict] = []
    rng = np.random.default_rng(99)
    for run in results.runs:
        n = run.point.world_size
        if n not in sampled_at:
            continue
        for step in range(20):
            played = play(truth, n, run.point.local_batch_size, rng)
            phases += _phase_rows(run.run_id, step, played, truth)
            if with_buckets and run.point.is_ddp:
                buckets += _bucket_rows(run.run_id, step, played, truth)
    return dataclasses.replace(
        results,
        sweep=dataclasses.replace(results.sweep, sweep_id=sweep_id),
        phases=_columns(phases),
        buckets=_columns(buckets),
    )


def _phase_rows(run_id: str, step: int, played: Played, truth: Truth) -> list[dict]:
    rows = []
    for rank, own in enumerate(played.ranks):
        waited = played.step_s - truth.fixed_s - sum(own.values())
        seconds = {**own, "exposed_comm": waited, "optimizer": truth.fixed_s}
        rows += [
            {"run_id": run_id, "rank": rank, "step": step, "phase": name, "duration_s": s}
            for name, s in seconds.items()
        ]
    return rows


def _bucket_rows(run_id: str, step: int, played: Played, truth: Truth) -> list[dict]:
    return [
        {
            "run_id": run_id,
            "rank": rank,
            "step": step,
            "bucket": k,
            "num_bytes": int(truth.layers_mib[k] * 2**20),
            "ready_s": ready,
            "start_s": own["data_wait"] + own["forward"] + ready,
            "end_s": played.end_s[k],
        }
        for rank, own in enumerate(played.ranks)
        for k, ready in enumerate(played.ready_s[rank])
    ]


def _columns(rows: list[dict]) -> dict[str, np.ndarray]:
    if not rows:
        return {}
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return {
        name: np.array(values, dtype=object if isinstance(values[0], str) else None)
        for name, values in columns.items()
    }


def config_with(results: Results, **ddp) -> Results:
    """The same results, measured with other settings of DDP."""
    config = json.loads(results.sweep.config_json)
    config["ddp"] |= ddp
    return dataclasses.replace(
        results, sweep=dataclasses.replace(results.sweep, config_json=json.dumps(config))
    )
