"""What is kept of a report, so that a list of sweeps can tell each one's answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ray_bench import __version__
from ray_bench.records import EnvironmentRecord, Results
from ray_bench.report.cells import Cell
from ray_bench.report.model import Report
from ray_bench.report.screen import Screen
from ray_bench.report.screens.spoken import lead_words
from ray_bench.store.answers import AnswerRecord, basis_of


def answer_record(report: Report, results: Results) -> AnswerRecord:
    """Return what a list tells of a sweep.

    Args:
        report: Of the sweep, for the usual aim; has at least one screen.
        results: What it was made from.
    """
    first, *others = report.screens
    line = f"{lead_words(first.answer)}."
    if others:
        curves = "1 more curve" if len(others) == 1 else f"{len(others)} more curves"
        line = f"{first.name or 'First curve'}: {line} And {curves}."
    return AnswerRecord(
        sweep_id=report.sweep_id,
        made_at_utc=datetime.now(UTC),
        ray_bench_version=__version__,
        basis=basis_of((run.run_id, run.attempt, run.status) for run in results.runs),
        lead=line,
        world_size=first.answer.world_size,
        hardware=_hardware(results),
        figures_json=json.dumps(list(_figures(first)), allow_nan=False),
        num_caveats=len(first.answer.caveats),
        curve_json=json.dumps(list(_curve(first)), allow_nan=False),
    )


def _figures(screen: Screen) -> Iterator[dict[str, Any]]:
    """Yield the numbers under the curve at the recommended world size."""
    sizes = [size.world_size for size in screen.numbers.sizes]
    if screen.answer.world_size not in sizes:
        return
    index = sizes.index(screen.answer.world_size)
    for quantity in screen.numbers.first:
        yield {"key": quantity.key, "title": quantity.title, **_values(quantity.cells[index])}


def _curve(screen: Screen) -> Iterator[dict[str, Any]]:
    """Yield the efficiency at every world size that was measured, smallest first."""
    found = [x for x in screen.numbers.quantities if x.key == "efficiency"]
    for quantity in found:
        for size, cell in zip(screen.numbers.sizes, quantity.cells, strict=True):
            if size.is_measured and cell.value is not None:
                bounds = {"value": cell.value, "low": cell.low, "high": cell.high}
                yield {"world_size": size.world_size, **bounds}


def _values(cell: Cell) -> dict[str, Any]:
    values = {"value": cell.value, "unit": cell.unit, "low": cell.low, "high": cell.high}
    return values if cell.currency is None else {**values, "currency": cell.currency}


def _hardware(results: Results) -> str | None:
    """Return the machines in words: `2 x NVIDIA H100`, `16-core AMD EPYC`."""
    used = {run.environment_hash for run in results.runs}
    found = {_machine(x) for key, x in results.environments.items() if key in used}
    return " and ".join(sorted(found)) or None


def _machine(environment: EnvironmentRecord) -> str:
    names = sorted(set(environment.gpu_names))
    if names:
        words = f"{len(environment.gpu_names)} x {', '.join(names)}"
    else:
        words = f"{environment.num_cpus}-core {environment.cpu_model or 'CPU'}"
    nodes = environment.num_nodes
    return words if nodes == 1 else f"{words}, {nodes} nodes"
