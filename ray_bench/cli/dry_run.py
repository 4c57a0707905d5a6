"""`ray-bench run --dry-run`: the runs that would be made, in their order."""

from __future__ import annotations

import typer

from ray_bench.cli.execute import say
from ray_bench.cli.tables import text_table
from ray_bench.records import PlannedRun
from ray_bench.store import ResultsStore
from ray_bench.sweep.plan import requested_plan, resolve
from ray_bench.sweep.request import SweepRequest


def print_plan(request: SweepRequest) -> None:
    """Print the runs in their order; nothing is written and no data is read."""
    config = resolve(request.source, request.overrides).config
    plan = requested_plan(request, config, ResultsStore(request.results), say)
    length = f"{config.epochs} epochs" if config.steps is None else f"{config.steps} steps"
    typer.echo(f"{len(plan.todo)} runs of {config.workload}, {config.scaling} scaling, {length}")
    if config.stop.half_width is not None and not plan.has_stopped:
        typer.echo(
            f"Then further repeats, {config.stop.max_repeats} at most, until every speedup's "
            f"half-width is {config.stop.half_width:.2%} or less."
        )
    typer.echo()
    header = ("order", "workers", "placement", "ddp", "lr rule", "lr", "batch", "per worker")
    rows = [_plan_row(planned) for planned in plan.todo]
    typer.echo(text_table((*header, "seed", "repeat"), rows, right=(0, 1, 5, 6, 7, 8, 9)))


def _plan_row(planned: PlannedRun) -> tuple[str, ...]:
    point = planned.point
    return (
        str(planned.order_index),
        str(point.world_size),
        point.placement or "-",
        "yes" if point.is_ddp else "no",
        point.lr_rule,
        f"{point.lr:g}",
        str(point.global_batch_size),
        str(point.local_batch_size),
        str(point.seed),
        str(planned.repeat),
    )
