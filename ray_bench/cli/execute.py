"""Carry out `ray-bench run`: check, measure, store, report."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import typer

from ray_bench.cli.listener import StoringListener
from ray_bench.cli.live import display_for
from ray_bench.cli.plan import Plan, Resolved, resolve
from ray_bench.cli.progress import SweepProgress
from ray_bench.cli.request import Request, requested_plan
from ray_bench.cli.rounds import FurtherRounds, check_stop
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import RayBenchError, StoreError
from ray_bench.measure.stopping import stop_rule
from ray_bench.records import PlannedRun
from ray_bench.store import ResultsStore
from ray_bench.trackers.base import Tracker
from ray_bench.trackers.chosen import chosen_trackers
from ray_bench.trackers.entry import Entries
from ray_bench.trackers.tracking import Tracking


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sweep:
    """A sweep that is being measured: what was asked for, what is to run, where it goes."""

    request: Request
    config: SweepConfig  # with its data found
    plan: Plan
    store: ResultsStore
    progress: SweepProgress
    trackers: tuple[Tracker, ...]

    @property
    def sweep_id(self) -> str:
        return self.plan.sweep.sweep_id


def execute(request: Request) -> None:
    """Measure what was asked for, store it and print the report.

    Raises:
        RayBenchError: If it cannot start, or cannot go on.
    """
    resolved = resolve(request.source, request.overrides)
    check_stop(resolved.config)
    store = ResultsStore(request.results)
    store.check_writable()
    trackers = chosen_trackers(resolved.config.trackers, store)
    config = _with_data_found(resolved, joins_cluster=joins_cluster(request.address))
    plan = requested_plan(request, resolved.config, store)
    if not plan.is_resumed:
        store.write_sweep(plan.sweep)
    progress = SweepProgress(
        plan.planned, plan.finished, max_concurrent=config.launch.max_concurrent
    )
    sweep = _Sweep(
        request=request,
        config=config,
        plan=plan,
        store=store,
        progress=progress,
        trackers=trackers,
    )
    _measure(sweep)
    _conclude(sweep)


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


def _measure(sweep: _Sweep) -> None:
    """Run what is to run."""
    display = display_for(sweep.progress, quiet=sweep.request.quiet)
    with _telling_how_to_continue(sweep), display, _tracking(sweep, display.note) as tracking:
        listener = StoringListener(sweep.store, sweep.progress, display, tracking)
        measure = _climb if sweep.config.interleaved else _run_all
        measure(sweep, listener)


def _tracking(sweep: _Sweep, say: Callable[[str], None]) -> Tracking:
    config = sweep.config
    entries = Entries(
        price_per_worker_hour=config.price_per_worker_hour,
        currency=config.currency,
        finished=sweep.plan.finished,
    )
    return Tracking(sweep.trackers, entries, say, at_end=config.interleaved)


def _run_all(sweep: _Sweep, listener: StoringListener) -> None:
    """Make every run in a process group of its own."""
    further = _further(sweep)
    todo = sweep.plan.todo or (further() if further is not None else ())
    if not todo:
        return
    from ray_bench.launch.sweep import run_sweep

    run_sweep(
        _network_once(sweep),
        todo,
        sweep_id=sweep.sweep_id,
        attempts=sweep.plan.attempts,
        address=sweep.request.address,
        listener=listener,
        more=further,
    )


def _climb(sweep: _Sweep, listener: StoringListener) -> None:
    """Make a ladder: all world sizes take turns in one group of workers."""
    if sweep.plan.has_stopped or not (sweep.plan.todo or sweep.config.stop.half_width):
        return
    from ray_bench.cli.ladder import ladder_request, storing_decision
    from ray_bench.launch.ladder import run_ladders

    ladder = ladder_request(_network_once(sweep), sweep.plan)
    if ladder is not None:
        run_ladders(
            [ladder],
            address=sweep.request.address,
            listener=listener,
            decided=storing_decision(sweep.store),
        )


def _network_once(sweep: _Sweep) -> SweepConfig:
    """Return the configuration of a resumed sweep without the network that it knows already."""
    config = sweep.config
    if not config.measure.network or sweep.sweep_id not in sweep.store.network_ids():
        return config
    measure = config.measure.model_copy(update={"network": False})
    return config.model_copy(update={"measure": measure})


def _further(sweep: _Sweep) -> Callable[[], Sequence[PlannedRun]] | None:
    """Return what gives further repeats; None without a stop rule, or where it has stopped."""
    config = sweep.config
    rule = stop_rule(config.stop, min_rounds=config.repeats)
    if rule is None or sweep.plan.has_stopped or config.interleaved:
        return None
    return FurtherRounds(rule, config, sweep.plan, sweep.store, sweep.progress.extend).next


@contextmanager
def _telling_how_to_continue(sweep: _Sweep) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _say_what_is_kept(sweep)
        raise typer.Exit(130) from None
    except RayBenchError:
        _say_what_is_kept(sweep)
        raise


def _say_what_is_kept(sweep: _Sweep) -> None:
    try:
        kept = str(len(sweep.store.finished_run_ids(sweep.sweep_id)))
    except StoreError:  # it may be what stopped the sweep
        kept = "?"
    typer.echo(
        f"Stopped: {kept} of {sweep.progress.num_planned} runs are kept in {sweep.store.root}. "
        f"Continue with:\n  {sweep.request.command(resume=True)}",
        err=True,
    )


def _conclude(sweep: _Sweep) -> None:
    """Print and write the report, and say what failed."""
    from ray_bench.cli.reporting import build, show

    price = sweep.config.price_per_worker_hour
    built = build(
        sweep.store,
        sweep.sweep_id,
        price_per_worker_hour=price,
        currency=None if price is None else sweep.config.currency,
    )
    again = ["ray-bench", "report", sweep.store.root, "--sweep", sweep.sweep_id]
    show(built, sweep.store, shlex.join([*again, "--format", "terminal"]))
    progress = sweep.progress
    if progress.num_failed:
        typer.echo(
            f"{progress.num_failed} of {progress.num_planned} runs failed. Try those again with:\n"
            f"  {sweep.request.command(resume=True)}",
            err=True,
        )
        raise typer.Exit(1)
