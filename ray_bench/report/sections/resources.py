"""What a run takes: memory, worker-time, energy and money."""

from __future__ import annotations

from ray_bench.analysis.resources import ResourceRow, cost
from ray_bench.report.cells import (
    Cell,
    Section,
    Table,
    asked,
    estimate,
    log_estimate,
    number,
    table,
)
from ray_bench.report.context import Context

_MANY_RUNS = 10


def section(context: Context) -> Section:
    """Return the resource section."""
    tables = (_resources(context), _cost(context))
    return Section(context.key("resources"), context.title("Resources and cost"), tables=tables)


def _resources(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "memory": "Peak memory per worker",
        "worker_time": "Worker-time per run",
        "ratio": "Against baseline",
        "energy": "Energy per run",
    }
    rows = [_resource_row(row) for row in context.study.resources]
    notes = ["Worker-time = workers x time per run; below 100 % a run takes less in all."]
    if all(row.energy_j is None for row in context.study.resources):
        notes.append("Energy is unknown: no energy counter could be read on this machine.")
    return table(context.key("resources"), "Resources", columns, rows, notes)


def _resource_row(row: ResourceRow) -> tuple[Cell, ...]:
    return (
        asked(row.world_size),
        number(row.peak_memory_bytes, "bytes"),
        estimate(row.worker_s, "worker_s"),
        estimate(row.worker_ratio, "frac"),
        number(row.energy_j, "J"),
    )


def _cost(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "hours": "Time per run",
        "cost": "Cost per run",
        "cost_ten": f"Cost of {_MANY_RUNS} runs",
        "saved": "Saved per run",
        "saved_ten": f"Saved in {_MANY_RUNS} runs",
    }
    rows = [_cost_row(context, row) for row in context.study.resources]
    notes = [*context.no_price]
    if context.price_per_worker_hour is not None:
        notes.append(
            f"Price: {context.price_per_worker_hour:g} {context.currency} per worker and hour; "
            "only training and evaluation are counted. A negative saving is a loss."
        )
    return table(context.key("cost"), "Cost", columns, rows, notes)


def _cost_row(context: Context, row: ResourceRow) -> tuple[Cell, ...]:
    price, currency = context.price_per_worker_hour, context.currency
    own = cost(row.worker_s, price)
    before = cost(context.study.resources[0].worker_s, price)
    is_baseline = row is context.study.resources[0]
    saved = None if own is None or before is None or is_baseline else before.value - own.value
    return (
        asked(row.world_size),
        log_estimate(row.time, "s"),
        estimate(own, "money", "derived", currency),
        estimate(own.scaled(_MANY_RUNS) if own else None, "money", "derived", currency),
        _money(saved, currency),
        _money(None if saved is None else saved * _MANY_RUNS, currency),
    )


def _money(value: float | None, currency: str) -> Cell:
    return Cell(value, "money", None if value is None else "derived", currency=currency)
