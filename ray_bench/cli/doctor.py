"""`ray-bench doctor`: what can be measured here, what cannot, and what to change."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.options import TableForm, TableFormat

if TYPE_CHECKING:
    from ray_bench.measure.check import Check

HELP = """Tell what this machine, or a cluster, can measure, what it cannot, and what to change.

Looks at cores, noise, clock, energy counters, GPUs, memory, data and network, and takes some
seconds. Nothing is stored. The exit code is 0 also where something is limited.

\b
Examples:
  ray-bench doctor
  ray-bench doctor --address auto
  ray-bench doctor --format json
"""


def doctor(
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
    from ray_bench.measure.doctor import machine_checks
    from ray_bench.measure.doctor_settings import data_sets

    checks = [*machine_checks(), data_sets(_data_sets()), _ray(address)]
    if form is TableFormat.JSON:
        typer.echo(json.dumps({"checks": [_values(check) for check in checks]}, indent=2))
    else:
        _print(checks)


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
