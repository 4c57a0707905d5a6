"""Carry out `ray-bench run`: check, measure, store, report."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import typer

from ray_bench.cli.live import Display, display_for
from ray_bench.cli.plan import Plan, Resolved, new_plan, resolve, resumed_plan, unfinished_note
from ray_bench.cli.progress import SweepProgress
from ray_bench.cli.rounds import FurtherRounds, check_stop
from ray_bench.cli.tables import text_table
from ray_bench.config.grid import rules_coincide
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import RayBenchError
from ray_bench.measure.stopping import stop_rule
from ray_bench.records import NetworkRecord, PlannedRun, RunData
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


@final
class StoringListener:
    """Stores every run as it ends, and shows it."""

    def __init__(self, store: ResultsStore, progress: SweepProgress, display: Display) -> None:
        self._store = store
        self.progress = progress
        self._display = display

    def run_started(self, planned: PlannedRun) -> None:
        """Count a run as running."""
        self.progress.started(planned)

    def run_finished(self, data: RunData) -> None:
        """Store a run that finished or failed."""
        self._store.write_run(data)
        self.progress.finished(data.run)
        self._display.finished(data.run)

    def network_measured(self, records: Sequence[NetworkRecord]) -> None:
        """Store the all-reduce sweep under the sweep's id."""
        self._store.write_network(records[0].network_id, records)
        self._display.note(f"All-reduce is measured: {len(records)} samples.")

    def network_failed(self, reason: str) -> None:
        """Say that the report will have nothing about the network."""
        self._display.note(f"note: the sweep goes on without the network. {reason}")

    def stopping(self) -> None:
        """Say that the sweep is ending; Ray takes some seconds for it."""
        self._display.note("Stopping; the run that is going on is dropped. Again to stop at once.")


def execute(request: Request) -> None:
    """Measure what was asked for, store it and print the report.

    Raises:
        RayBenchError: If it cannot start, or cannot go on.
    """
    resolved = resolve(request.source, request.overrides)
    check_stop(resolved.config)
    store = ResultsStore(request.results)
    store.check_writable()
    config = _with_data_found(resolved, joins_cluster=joins_cluster(request.address))
    plan = _plan(request, resolved.config, store)
    if not plan.is_resumed:
        store.write_sweep(plan.sweep)
    progress = _measure(request, config, plan, store)
    _conclude(request, resolved.config, plan, store, progress)


def print_plan(request: Request) -> None:
    """Print the runs in their order; nothing is written and no data is read."""
    config = resolve(request.source, request.overrides).config
    plan = _plan(request, config, ResultsStore(request.results))
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


def joins_cluster(address: str | None) -> bool:
    """Tell whether the workers may run on other hosts than this one."""
    return bool(address or os.environ.get("RAY_ADDRESS"))


def _with_data_found(resolved: Resolved, *, joins_cluster: bool) -> SweepConfig:
    """Find the training data before Ray starts, and say where it is: workers run elsewhere.

    On a cluster a given `data.dir` may exist on the workers alone; they say so if it does not.
    """
    config, dataset = resolved.config, resolved.info.dataset
    if dataset is None or (joins_cluster and config.data.dir is not None):
        return config
    from ray_bench.workloads.datasets import locate

    pinned = locate(dataset, config.data).pinned(config.data)
    return config.model_copy(update={"data": pinned})


def _plan(request: Request, config: SweepConfig, store: ResultsStore) -> Plan:
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


def _measure(
    request: Request, config: SweepConfig, plan: Plan, store: ResultsStore
) -> SweepProgress:
    """Run what is to run; return how far it came."""
    progress = SweepProgress(
        plan.planned, plan.finished, max_concurrent=config.launch.max_concurrent
    )
    display = display_for(progress, quiet=request.quiet)
    listener = StoringListener(store, progress, display)
    with _telling_how_to_continue(request, plan, store, progress), display:
        measure = _climb if config.interleaved else _run_all
        measure(request, config, plan, store, listener)
    return progress


def _run_all(
    request: Request,
    config: SweepConfig,
    plan: Plan,
    store: ResultsStore,
    listener: StoringListener,
) -> None:
    """Make every run in a process group of its own."""
    further = _further(config, plan, store, listener.progress)
    todo = plan.todo or (further() if further is not None else ())
    if not todo:
        return
    from ray_bench.launch.sweep import run_sweep

    run_sweep(
        _network_once(config, plan, store),
        todo,
        sweep_id=plan.sweep.sweep_id,
        attempts=plan.attempts,
        address=request.address,
        listener=listener,
        more=further,
    )


def _climb(
    request: Request,
    config: SweepConfig,
    plan: Plan,
    store: ResultsStore,
    listener: StoringListener,
) -> None:
    """Make a ladder: all world sizes take turns in one group of workers."""
    if plan.has_stopped or not (plan.todo or config.stop.half_width):
        return
    from ray_bench.cli.ladder import ladder_request, storing_decision
    from ray_bench.launch.ladder import run_ladders

    ladder = ladder_request(_network_once(config, plan, store), plan)
    if ladder is not None:
        run_ladders(
            [ladder],
            address=request.address,
            listener=listener,
            decided=storing_decision(store),
        )


def _network_once(config: SweepConfig, plan: Plan, store: ResultsStore) -> SweepConfig:
    """Return the configuration of a resumed sweep without the network that it knows already."""
    if not config.measure.network or plan.sweep.sweep_id not in store.network_ids():
        return config
    measure = config.measure.model_copy(update={"network": False})
    return config.model_copy(update={"measure": measure})


def _further(
    config: SweepConfig, plan: Plan, store: ResultsStore, progress: SweepProgress
) -> Callable[[], Sequence[PlannedRun]] | None:
    """Return what gives further repeats; None without a stop rule, or where it has stopped."""
    rule = stop_rule(config.stop, min_rounds=config.repeats)
    if rule is None or plan.has_stopped or config.interleaved:
        return None
    return FurtherRounds(rule, config, plan, store, progress.extend).next


@contextmanager
def _telling_how_to_continue(
    request: Request, plan: Plan, store: ResultsStore, progress: SweepProgress
) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _say_what_is_kept(request, plan, store, progress)
        raise typer.Exit(130) from None
    except RayBenchError:
        _say_what_is_kept(request, plan, store, progress)
        raise


def _say_what_is_kept(
    request: Request, plan: Plan, store: ResultsStore, progress: SweepProgress
) -> None:
    kept = len(store.finished_run_ids(plan.sweep.sweep_id))
    typer.echo(
        f"Stopped: {kept} of {progress.num_planned} runs are kept in {store.root}. Continue with:\n"
        f"  {request.command(resume=True)}",
        err=True,
    )


def _conclude(
    request: Request,
    config: SweepConfig,
    plan: Plan,
    store: ResultsStore,
    progress: SweepProgress,
) -> None:
    """Print and write the report, and say what failed."""
    from ray_bench.cli.reporting import build, show

    price = config.price_per_worker_hour
    built = build(
        store,
        plan.sweep.sweep_id,
        price_per_worker_hour=price,
        currency=None if price is None else config.currency,
    )
    show(built, store)
    if progress.num_failed:
        typer.echo(
            f"{progress.num_failed} of {progress.num_planned} runs failed. Try those again with:\n"
            f"  {request.command(resume=True)}",
            err=True,
        )
        raise typer.Exit(1)
