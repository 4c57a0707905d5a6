"""Made-up sweeps over placements: the same training on one node and on several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ray_bench.config.placements import placement
from ray_bench.records import Results, RunRecord
from tests.synthetic import synthetic

#: Name of the placement (None: one worker) and workers on each node.
Place = tuple[str | None, tuple[int, ...]]

#: One and two nodes with room for two workers each.
TWO_NODES: tuple[Place, ...] = (
    (None, (1,)),
    *(("pack", (2,)), ("spread", (1, 1))),
    *(("pack", (2, 2)), ("spread", (2, 2)), ("2x2", (2, 2))),
)


def placed(
    places: Sequence[Place] = TWO_NODES,
    *,
    step_s: Callable[[int, tuple[int, ...]], float],
    repeats: int = 3,
    noise: float = 0.003,
    batch: int = 128,
    scaling: str = "strong",
) -> Results:
    """A sweep with a step time by world size and workers on each node, and noise between runs."""
    sizes = sorted({sum(held) for _, held in places})
    plain = synthetic(sizes, repeats=repeats, with_blocks=False, batch=batch, scaling=scaling)
    rng = np.random.default_rng(3)
    runs: list[RunRecord] = []
    for name, held in places:
        for run in plain.runs:
            if run.point.world_size == sum(held):
                seconds = step_s(sum(held), held) * float(np.exp(noise * rng.standard_normal()))
                runs.append(_run(run, name, held, seconds, order_index=len(runs)))
    sweep = replace(plain.sweep, run_ids=tuple(run.run_id for run in runs))
    return replace(plain, sweep=sweep, runs=tuple(runs), epochs={}, phases={})


def _run(
    run: RunRecord, name: str | None, held: tuple[int, ...], seconds: float, *, order_index: int
) -> RunRecord:
    asked = placement(name) if name else None
    point = replace(
        run.point,
        placement=name,
        num_nodes=asked.num_nodes if asked else None,
        workers_per_node=asked.workers_per_node if asked else None,
    )
    nodes = tuple(f"node-{i}" for i, count in enumerate(held) for _ in range(count))
    return replace(
        run,
        run_id=f"{point.point_id}-r{run.repeat}",
        point=point,
        order_index=order_index,
        rank_node_ids=nodes,
        rank_addresses=nodes,
        step_time_s=seconds,
        throughput_samples_per_s=point.global_batch_size / seconds,
    )
