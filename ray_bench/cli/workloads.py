"""`ray-bench workloads`: what can be trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from ray_bench.cli.options import TableForm, TableFormat

if TYPE_CHECKING:
    from ray_bench.workloads.catalog import WorkloadInfo

HELP = """List the workloads that come with ray-bench, and what they train with by default.

\b
Examples:
  ray-bench workloads
  ray-bench workloads --format json
"""

_OWN = """
Your own: workload=package.module:Name, a class with
build(context) -> (module, batches, loss_fn), or (module, batches) where the module's outputs
have the loss. See docs/workloads.md."""


def workloads(
    form: TableForm = TableFormat.TERMINAL,
) -> None:
    """List the workloads."""
    from ray_bench.workloads.catalog import BUILTIN

    infos = list(BUILTIN.values())
    if form is TableFormat.JSON:
        typer.echo(json.dumps([_values(info) for info in infos], indent=2))
    else:
        typer.echo(_table(infos))
        typer.echo(_OWN)


def _values(info: WorkloadInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "summary": info.summary,
        "dataset": info.dataset,
        "num_params": info.num_params,
        "defaults": info.defaults.model_dump(),
    }


def _table(infos: list[WorkloadInfo]) -> str:
    from ray_bench.cli.tables import text_table

    header = ("workload", "parameters", "batch", "lr", "epochs", "what it is")
    rows = [
        (
            info.name,
            "-" if info.num_params is None else f"{info.num_params:,}",
            str(info.defaults.batch_size),
            f"{info.defaults.lr:g}",
            str(info.defaults.epochs),
            info.summary,
        )
        for info in infos
    ]
    return text_table(header, rows, right=(1, 2, 3, 4))
