"""Samples of a step as they were counted, and tokens: where the batches are the workload's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.records import RunRecord, known
from ray_bench.stats.log_estimate import LogEstimate, log_means


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """Samples of one worker in a step at a world size."""

    world_size: int
    asked: int
    mean: float
    least: int | None  # of whole batches
    most: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """Tokens at a world size."""

    world_size: int
    throughput: LogEstimate  # tokens/s
    per_sample: float
    per_step: float  # of one worker


def step_samples(runs: Sequence[RunRecord]) -> float:
    """Return the samples of all workers in a step: as counted where that is not as asked for."""
    found = [run.samples_per_step for run in runs]
    return found[0] if len(set(found)) == 1 else math.fsum(found) / len(found)


def batch_by_size(runs: Sequence[RunRecord]) -> dict[int, float]:
    """Return the samples of all workers in a step by world size, ascending."""
    return {n: step_samples([x for x in runs if x.point.world_size == n]) for n in _sizes(runs)}


def batch_rows(runs: Sequence[RunRecord]) -> tuple[BatchRow, ...]:
    """Return the samples of one worker by world size; nothing where all batches are as asked."""
    if not any(run.has_own_batches for run in runs):
        return ()
    rows = ((n, [run for run in runs if run.point.world_size == n]) for n in _sizes(runs))
    return tuple(_batch_row(n, of_size) for n, of_size in rows)


def _batch_row(world_size: int, runs: Sequence[RunRecord]) -> BatchRow:
    least = [x.least_local_samples for x in runs if x.least_local_samples is not None]
    most = [x.most_local_samples for x in runs if x.most_local_samples is not None]
    return BatchRow(
        world_size=world_size,
        asked=known(runs[0].point.local_batch_size),
        mean=step_samples(runs) / world_size,
        least=min(least, default=None),
        most=max(most, default=None),
    )


def token_rows(runs: Sequence[RunRecord]) -> tuple[TokenRow, ...]:
    """Return the tokens/s of the world sizes of which all runs tell, ascending."""
    told = [x for x in runs if x.throughput_tokens_per_s and x.throughput_samples_per_s]
    by_size = {n: [x for x in told if x.point.world_size == n] for n in _sizes(told)}
    rates = [[x.throughput_tokens_per_s or math.nan for x in found] for found in by_size.values()]
    if not rates:
        return ()
    return tuple(
        _token_row(n, rate, by_size[n]) for n, rate in zip(by_size, log_means(rates), strict=True)
    )


def _token_row(world_size: int, rate: LogEstimate, runs: Sequence[RunRecord]) -> TokenRow:
    samples = math.fsum(run.throughput_samples_per_s or 0.0 for run in runs)
    per_sample = math.fsum(run.throughput_tokens_per_s or 0.0 for run in runs) / samples
    return TokenRow(
        world_size=world_size,
        throughput=rate,
        per_sample=per_sample,
        per_step=per_sample * step_samples(runs) / world_size,
    )


def _sizes(runs: Sequence[RunRecord]) -> list[int]:
    return sorted({run.point.world_size for run in runs})
