"""`ray-bench run --dry-run`: the runs that would be made, in their order, and what they take."""

from __future__ import annotations

import typer

from ray_bench.cli.execute import say
from ray_bench.cli.tables import text_table
from ray_bench.config.schema import SweepConfig
from ray_bench.records import PlannedRun, Point
from ray_bench.sweep.estimate import Range, RunTime
from ray_bench.sweep.plan import Plan
from ray_bench.sweep.preview import Preview, preview
from ray_bench.sweep.progress import as_duration
from ray_bench.sweep.request import SweepRequest
from ray_bench.sweep.script import shown_command, shown_environment


def print_plan(request: SweepRequest, *, probe: bool = False) -> None:
    """Print the runs in their order; nothing is written, and no data is read without a probe."""
    found = preview(request, say, probe=probe)
    typer.echo(_what(found.config, found.plan))
    typer.echo()
    if found.config.target is not None:
        _print_commands(found.config, found.plan)
    header = ("order", "workers", "placement", "ddp", "lr rule", "lr", "batch", "per worker")
    rows = [
        (*_plan_row(run, is_ours=found.config.target is None), _time(time))
        for run, time in zip(found.plan.todo, found.times, strict=True)
    ]
    table = text_table(
        (*header, "seed", "repeat", "expected"), rows, right=(0, 1, 5, 6, 7, 8, 9, 10)
    )
    typer.echo(table)
    typer.echo(f"\n{_total(found)}\n{found.fits}")


def _print_commands(config: SweepConfig, plan: Plan) -> None:
    """Print what each rank starts, once for each point."""
    for point in dict.fromkeys(run.point for run in plan.todo):
        typer.echo(shown_command(config, point))
        if config.script is not None:
            typer.echo(f"  {shown_environment(config, point)}")
    typer.echo()


def _what(config: SweepConfig, plan: Plan) -> str:
    length = f"{config.epochs} epochs" if config.steps is None else f"{config.steps} steps"
    if config.epochs is None and config.steps is None:
        length = "to its own end"
    modes = {run.point.scaling for run in plan.planned}
    scaling = "scaling as it is measured" if None in modes else f"{config.scaling} scaling"
    text = f"{len(plan.todo)} runs of {config.workload}, {scaling}, {length}"
    if config.stop.half_width is None or plan.has_stopped:
        return text
    return (
        f"{text}\nThen further repeats, {config.stop.max_repeats} at most, until every speedup's "
        f"half-width is {config.stop.half_width:.2%} or less."
    )


def _total(found: Preview) -> str:
    if not found.plan.todo:
        return "Nothing is left to run."
    if found.config.interleaved:
        return f"Turns of {found.config.ladder.turn_s:g} s each, and start-up once."
    if found.total is None:
        return "How long it takes is unknown: nothing alike was measured here; --probe tells."
    basis = sorted({time.basis for time in found.times if time is not None})
    cost = found.cost
    money = "" if cost is None else f", {cost[0]:.2g} to {cost[1]:.2g} {found.config.currency}"
    return f"Expected: {_range(found.total)}{money} (from {'; '.join(basis)})."


def _time(time: RunTime | None) -> str:
    return "-" if time is None else _range(time.seconds)


def _range(seconds: Range) -> str:
    low, high = as_duration(seconds.low_s), as_duration(seconds.high_s)
    return low if low == high else f"{low} to {high}"


def _per_worker(point: Point) -> str:
    """`64`, or `4 x 16` micro-batches."""
    if point.local_batch_size is None:
        return "-"
    count = point.num_micro_batches
    return str(point.local_batch_size) if count == 1 else f"{count} x {point.micro_batch_size}"


def _known(value: object, form: str = "") -> str:
    return "-" if value is None else format(value, form)


def _plan_row(planned: PlannedRun, *, is_ours: bool) -> tuple[str, ...]:
    point = planned.point
    has_ddp = "yes" if point.is_ddp else "no"
    return (
        str(planned.order_index),
        str(point.world_size),
        point.placement or "-",
        has_ddp if is_ours else "-",  # only the script knows
        point.rule,
        _known(point.lr, "g"),
        _known(point.global_batch_size),
        _per_worker(point),
        _known(point.seed),
        str(planned.repeat),
    )
