"""What `ray-bench run` was asked for, and the runs that follow from it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import typer

from ray_bench.cli.plan import Plan, new_plan, resolve, resumed_plan, unfinished_note
from ray_bench.cli.tables import text_table
from ray_bench.config.grid import rules_coincide
from ray_bench.config.schema import SweepConfig
from ray_bench.records import PlannedRun
from ray_bench.store import ResultsStore


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of `ray-bench run`."""

    source: str | None
    overrides: tuple[str, ...]
    results: str
    address: str | None = None
    resume: bool = False
    quiet: bool = False

    def command(self, *, resume: bool) -> str:
        """Return the command line that asks for this."""
        words = ["ray-bench", "run", *([self.source] if self.source else []), *self.overrides]
        words += ["--results", self.results]
        words += ["--address", self.address] if self.address else []
        words += ["--resume"] if resume else []
        return shlex.join(words)


def requested_plan(request: Request, config: SweepConfig, store: ResultsStore) -> Plan:
    """Return the plan of a new sweep or of a resumed one, and say which on stderr."""
    if rules_coincide(config):
        rules = ", ".join(config.lr_rules)
        typer.echo(
            f"note: the rules {rules} train alike here, because the global batch does not grow; "
            "scaling=weak or optimizer.scale_with=world_size tells them apart.",
            err=True,
        )
    if not request.resume:
        note = unfinished_note(config, store)
        if note is not None:
            typer.echo(f"note: {note}", err=True)
        return new_plan(config, store, request.command(resume=False))
    plan = resumed_plan(config, store)
    failed = len(plan.stored) - len(plan.finished)
    typer.echo(
        f"Resuming sweep {plan.sweep.sweep_id}: skipping {len(plan.finished)} of "
        f"{len(plan.planned)} runs, which are finished; {len(plan.todo)} to run "
        f"({failed} of them failed before).",
        err=True,
    )
    return plan


def print_plan(request: Request) -> None:
    """Print the runs in their order; nothing is written and no data is read."""
    config = resolve(request.source, request.overrides).config
    plan = requested_plan(request, config, ResultsStore(request.results))
    length = f"{config.epochs} epochs" if config.steps is None else f"{config.steps} steps"
    typer.echo(f"{len(plan.todo)} runs of {config.workload}, {config.scaling} scaling, {length}")
    if config.stop.half_width is not None and not plan.has_stopped:
        typer.echo(
            f"Then further repeats, {config.stop.max_repeats} at most, until every speedup's "
            f"half-width is {config.stop.half_width:.2%} or less."
        )
    typer.echo()
    header = ("order", "workers", "ddp", "lr rule", "lr", "batch", "per worker", "seed", "repeat")
    rows = [_plan_row(planned) for planned in plan.todo]
    typer.echo(text_table(header, rows, right=(0, 1, 4, 5, 6, 7, 8)))


def _plan_row(planned: PlannedRun) -> tuple[str, ...]:
    point = planned.point
    return (
        str(planned.order_index),
        str(point.world_size),
        "yes" if point.is_ddp else "no",
        point.lr_rule,
        f"{point.lr:g}",
        str(point.global_batch_size),
        str(point.local_batch_size),
        str(point.seed),
        str(planned.repeat),
    )
