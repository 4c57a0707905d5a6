"""What a world size needs of code and hardware, from the records."""

from __future__ import annotations

from ray_bench.analysis.nodes import nodes_used
from ray_bench.analysis.resources import ResourceRow
from ray_bench.records import RunRecord
from ray_bench.report.cells import Cell, Section, Table, asked, number, table, text
from ray_bench.report.context import Context


def section(context: Context) -> Section:
    """Return the needs."""
    tables = (_code(context), _hardware(context))
    return Section(context.key("needs"), context.title("Code and hardware needs"), tables=tables)


def _code(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "processes": "Processes",
        "model": "Model",
        "backend": "Process group",
        "data": "Data",
        "own_code": "Code of your own",
        "added_lines": "Additional lines of code",
    }
    rows = [_code_row(context.study.runs_at(n)[0]) for n in context.study.group.world_sizes]
    notes = (
        "ray_bench starts the processes, wraps the model and shards the data: the same class runs "
        "at every world size, so more workers need no additional line.",
    )
    return table(context.key("code_needs"), "Code needs", columns, rows, notes)


def _code_row(run: RunRecord) -> tuple[Cell, ...]:
    point = run.point
    shared = "whole" if point.world_size == 1 else f"1/{point.world_size} per rank"
    return (
        asked(point.world_size),
        asked(point.world_size),
        text("wrapped in DDP" if point.is_ddp else "plain module"),
        text(run.backend or "none"),
        text(shared),
        text("one class with build(context)"),
        asked(0),
    )


def _hardware(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "device": "Device",
        "nodes": "Nodes",
        "memory": "Memory per worker",
        "total_memory": "Memory in all",
        "gradients": "Gradients per step",
        "traffic": "Link needed per worker",
    }
    rows = [_hardware_row(context, row) for row in context.study.resources]
    notes = (
        "Link needed: 2 (N - 1) / N x gradient bytes / step time, what a ring all-reduce sends per "
        "worker (GB = 10^9 bytes). Less than that and communication cannot be hidden.",
    )
    return table(context.key("hardware_needs"), "Hardware needs", columns, rows, notes)


def _hardware_row(context: Context, row: ResourceRow) -> tuple[Cell, ...]:
    size, memory = row.world_size, row.peak_memory_bytes
    run = context.study.runs_at(size)[0]
    return (
        asked(size),
        text(run.device or "unknown"),
        asked(nodes_used(run, context.results.environments)),
        number(memory, "bytes"),
        number(None if memory is None else memory * size, "bytes", "derived"),
        number(run.grad_bytes if size > 1 else None, "bytes"),
        number(_gb_per_s(context, run), "GB/s", "derived"),
    )


def _gb_per_s(context: Context, run: RunRecord) -> float | None:
    """Return what a worker must send per second so that a step takes no longer."""
    size = run.point.world_size
    time = context.study.size(size).time
    if size == 1 or run.grad_bytes is None or time is None or time.iteration is None:
        return None
    return 2 * (size - 1) / size * run.grad_bytes / time.iteration.estimate.value / 1e9
