"""`ray-bench doctor`: what can be measured here, what cannot, and what to change."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.after_dashes import script_of
from ray_bench.cli.options import Overrides, TableForm, TableFormat

if TYPE_CHECKING:
    from ray_bench.measure.check import Check

HELP = """Tell what this machine, or a cluster, can measure, what it cannot, and what to change.

Looks at cores, noise, clock, energy counters, GPUs, memory, data and network, and takes some
seconds. Nothing is stored. The exit code is 0 also where something is limited.

After `--` stands your own training script instead: it makes 20 steps on this machine, with 1 worker
and without Ray, and what was found of it is told. Exit code 1 where it failed.

\b
Examples:
  ray-bench doctor
  ray-bench doctor --address auto
  ray-bench doctor --format json
  ray-bench doctor -- train.py --batch-size 64
  ray-bench doctor batch_size=64 lr=0.1 -- train.py --batch-size {local_batch_size} --lr {lr}
"""


def doctor(
    ctx: typer.Context,
    overrides: Overrides = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            show_default=False,
            help="Ray cluster to look at, e.g. auto. Not given: RAY_ADDRESS or this machine.",
        ),
    ] = None,
    form: TableForm = TableFormat.TERMINAL,
) -> None:
    """Tell what can be measured here."""
    script = script_of(ctx)
    if script or overrides:
        _script(script, overrides or [], form)
        return
    from ray_bench.measure.doctor import machine_checks
    from ray_bench.measure.doctor_settings import data_sets

    _show([*machine_checks(), data_sets(_data_sets()), _ray(address)], form)


def _show(checks: list[Check], form: TableFormat) -> None:
    if form is TableFormat.JSON:
        typer.echo(json.dumps({"checks": [_values(check) for check in checks]}, indent=2))
    else:
        _print(checks)


def _script(script: tuple[str, ...], overrides: list[str], form: TableFormat) -> None:
    """Let a script make some steps, and tell what was found of it."""
    from ray_bench.cli.execute import say
    from ray_bench.config.script import what_varies
    from ray_bench.launch.scripts.doctor import trial_run
    from ray_bench.sweep.script import trial_config

    config = trial_config(script, overrides)
    say(what_varies(config.target_name, config.fields))
    checks, failure = trial_run(config, lambda lines: say("\n".join(lines)) if lines else None)
    if checks:
        _show(checks, form)
    if failure is not None:
        say(f"{failure.type}: {failure.message}")
        raise typer.Exit(1)


def _ray(address: str | None) -> Check:
    from ray_bench.measure.check import Check

    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None:
        from ray_bench.launch.doctor import cluster_check

        return cluster_check(address)
    from importlib.metadata import version

    return Check(
        name="cluster",
        state="ok",
        seen=f"Ray {version('ray')}; runs start a Ray of their own on this machine",
    )


def _data_sets() -> dict[str, str | None]:
    """Return where every data set is; None: nowhere."""
    from ray_bench.workloads.specs import SPECS

    return {name: _place(name) for name in SPECS}


def _place(dataset: str) -> str | None:
    from ray_bench.config.groups import DataConfig
    from ray_bench.errors import DataError
    from ray_bench.workloads.datasets import locate

    try:
        folder = locate(dataset, DataConfig()).folder
    except DataError:
        return None
    return "ships with ray-bench" if folder is None else str(folder)


def _values(check: Check) -> dict[str, str | None]:
    return {
        "name": check.name,
        "state": check.state,
        "seen": check.seen,
        "change": check.change,
    }


def _print(checks: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "limited": "yellow", "unknown": "dim"}
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for check in checks:
        words = Text(check.seen)
        if check.change is not None:
            words.append(f"\n{check.change}", style="italic")
        table.add_row(Text(check.state, style=styles[check.state]), Text(check.name), words)
    limited = [check.name for check in checks if check.state != "ok"]
    console = Console()
    console.print(table)
    console.print(
        Text(f"Limited or unknown: {', '.join(limited)}." if limited else "Nothing is limited."),
        style="bold",
    )
