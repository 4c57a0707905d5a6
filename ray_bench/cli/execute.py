"""Carry out `ray-bench run`: measure with a display, and print the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from ray_bench.cli.live import display_for
from ray_bench.cli.output import echo
from ray_bench.errors import RayBenchError, StoreError
from ray_bench.sweep.request import SweepRequest
from ray_bench.sweep.run import Sweep, prepare


def execute(request: SweepRequest, *, quiet: bool) -> None:
    """Measure what was asked for, store it and print the report.

    Raises:
        RayBenchError: If it cannot start, or cannot go on.
    """
    sweep = prepare(request, say)
    display = display_for(sweep.live, quiet=quiet)
    with _telling_how_to_continue(sweep), display:
        sweep.measure(display)
    _conclude(sweep)


def say(text: str) -> None:
    """Print a sentence where it disturbs no results."""
    echo(text, err=True)


@contextmanager
def _telling_how_to_continue(sweep: Sweep) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _say_what_is_kept(sweep)
        raise typer.Exit(130) from None
    except RayBenchError:
        _say_what_is_kept(sweep)
        raise


def _say_what_is_kept(sweep: Sweep) -> None:
    try:
        if sweep.sweep_id in {known.sweep_id for known in sweep.store.sweeps()}:  # it has begun
            say(sweep.what_is_kept())
    except StoreError as err:  # it may be what stopped the sweep
        say(f"What is kept cannot be told: {err}")


def _conclude(sweep: Sweep) -> None:
    """Print and write the report, and say what failed."""
    from ray_bench.cli.reporting import build, show

    price = sweep.config.price_per_worker_hour
    built = build(
        sweep.store,
        sweep.sweep_id,
        price_per_worker_hour=price,
        currency=None if price is None else sweep.config.currency,
    )
    show(built, sweep.store)
    if sweep.budget is not None and sweep.num_kept < sweep.progress.num_planned:
        say(
            f"Within the budget of {sweep.request.budget}: {sweep.num_kept} of "
            f"{sweep.progress.num_planned} runs. The others with:\n  "
            f"{sweep.request.command(resume=True)}"
        )
        # A run that the budget ended was stopped as asked; other failures are failures.
        if all(run.status in ("ok", "interrupted") for run in sweep.store.runs(sweep.sweep_id)):
            return
    outcome = sweep.progress.outcome
    if outcome and not sweep.progress.must_go_on:
        say(outcome)  # a run that diverged is a result, if there is another one
        if sweep.progress.num_failed == sweep.progress.num_planned:
            raise typer.Exit(1)
    elif outcome:
        say(f"{outcome} Make what is missing with:\n  {sweep.request.command(resume=True)}")
        raise typer.Exit(1)
