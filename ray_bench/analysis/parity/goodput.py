"""Statistical efficiency and goodput after Pollux: how much of the throughput is progress.

    efficiency(B) = (phi + B0) / (phi + B)        goodput = throughput x efficiency

with phi the gradient noise scale and B0 the batch of the baseline (Qiao et al. 2021, Pollux, OSDI,
sections 3.1 and 3.2). phi grows during training, and runs measure it at their last weights only:
earlier, larger batches were less efficient than this says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_bench.analysis.decision.options import product
from ray_bench.analysis.noise_scale import NoiseRow
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodputRow:
    """One world size and rule; None is unknown."""

    world_size: int
    lr_rule: str
    global_batch_size: int
    efficiency_frac: Estimate | None
    goodput: Estimate | None  # samples/s of the baseline's batch that bring training as far


def efficiency_frac(noise_scale: float, batch: float, base_batch: float) -> float:
    """Return the progress of a sample in a batch, that of one in the base batch being 1."""
    return (noise_scale + base_batch) / (noise_scale + batch)


def goodput_rows(
    noise: Sequence[NoiseRow], throughput: Mapping[int, LogEstimate]
) -> tuple[GoodputRow, ...]:
    """Return a row for every world size and rule whose noise scale was measured.

    The baseline is the smallest of these world sizes.
    """
    base = min(noise, key=lambda row: row.world_size, default=None)
    if base is None:
        return ()
    return tuple(_row(row, base.global_batch_size, throughput.get(row.world_size)) for row in noise)


def _row(row: NoiseRow, base_batch: int, rate: LogEstimate | None) -> GoodputRow:
    batch, found = row.global_batch_size, row.noise_scale
    efficiency = (
        None if found is None else found.mapped(lambda phi: efficiency_frac(phi, batch, base_batch))
    )
    return GoodputRow(
        world_size=row.world_size,
        lr_rule=row.lr_rule,
        global_batch_size=batch,
        efficiency_frac=efficiency,
        goodput=None if efficiency is None or rate is None else product(rate.estimate, efficiency),
    )
