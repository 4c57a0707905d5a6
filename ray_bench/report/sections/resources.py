"""What a run takes: memory, worker-time, energy and money."""

from __future__ import annotations

from ray_bench.analysis.resources import ResourceRow, cost
from ray_bench.analysis.times import is_same_work
from ray_bench.report.cells import (
    Cell,
    Kind,
    Section,
    Table,
    asked,
    estimate,
    log_estimate,
    number,
    table,
    text,
)
from ray_bench.report.context import Context
from ray_bench.report.sections.memory import memory_tables

_MANY_RUNS = 10


def section(context: Context) -> Section:
    """Return the resource section."""
    tables = (
        _resources(context),
        *memory_tables(context),
        *_devices(context),
        _cost(context),
    )
    return Section(context.key("resources"), context.title("Resources and cost"), tables=tables)


def _resources(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "memory": "Peak memory per worker",
        "worker_time": "Worker-time per run",
        "ratio": "Against baseline",
        "energy": "Energy per run",
        "energy_ratio": "Energy against baseline",
    }
    rows = [_resource_row(context, row) for row in context.study.resources]
    notes = ["Worker-time = workers x time per run; below 100 % a run takes less in all."]
    if context.study.first.device == "cpu":
        notes.append("Memory: resident set of the worker's process, Python and torch included.")
    if all(row.energy_j is None for row in context.study.resources):
        notes.append("Energy is unknown: no energy counter could be read on this machine.")
    else:
        notes.append(
            "Energy: mean over runs, of training and evaluation; on CPU of all packages of the "
            "hosts, whatever else they did, on GPU of the GPUs alone."
        )
    energy = ("energy", "energy_ratio")
    return table(context.key("resources"), "Resources", columns, rows, notes, optional=energy)


def _energy_kind(context: Context) -> Kind:
    return "measured" if is_same_work(context.study.times) else "derived"


def _resource_row(context: Context, row: ResourceRow) -> tuple[Cell, ...]:
    return (
        asked(row.world_size),
        number(row.peak_memory_bytes, "bytes"),
        estimate(row.worker_s, "worker_s"),
        estimate(row.worker_ratio, "frac"),
        number(row.energy_j, "J", _energy_kind(context)),
        number(row.energy_ratio, "frac", _energy_kind(context)),
    )


def _devices(context: Context) -> tuple[Table, ...]:
    """Return what the devices did, where anything of it is known."""
    if not any(row.gpu.is_known for row in context.study.resources):
        return ()
    columns = {
        "world_size": "Workers",
        "mfu": "MFU",
        "flops": "Work per sample",
        "peak": "Peak per device",
        "util": "GPU busy",
        "memory_util": "GPU memory busy",
        "clock": "GPU clock",
        "temperature": "Hottest GPU",
        "slowed": "GPU clock held back by",
    }
    rows = [_device_row(row) for row in context.study.resources]
    notes = ["Work per sample: floating-point operations of forward and backward."]
    if any(row.gpu.mfu_frac is not None for row in context.study.resources):
        notes.append(
            "MFU, model FLOPs utilisation = samples/s x work per sample / (workers x dense peak of "
            "the data sheet in the run's precision)."
        )
    if any(row.gpu.util_frac is not None for row in context.study.resources):
        notes.append(
            "Busy: share of the time in which a kernel ran, or device memory was accessed; busy is "
            "not the same as well used. Means over GPUs, readings and runs of the throughput pass."
        )
    optional = tuple(columns)[1:]
    return (table(context.key("devices"), "Devices", columns, rows, notes, optional=optional),)


def _device_row(row: ResourceRow) -> tuple[Cell, ...]:
    gpu = row.gpu
    return (
        asked(row.world_size),
        number(gpu.mfu_frac, "frac", "derived"),
        number(gpu.flops_per_sample, "FLOP"),
        Cell(gpu.peak_flops_per_s, "FLOP/s"),
        number(gpu.util_frac, "frac"),
        number(gpu.memory_util_frac, "frac"),
        number(gpu.clock_mhz, "MHz"),
        number(gpu.temperature_c, "degC"),
        text(
            None if gpu.throttle_reasons is None else ", ".join(gpu.throttle_reasons) or "nothing"
        ),
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
            "only training and evaluation are counted, start-up is not. A negative saving is a "
            "loss."
        )
    is_drawn = context.price_per_worker_hour is not None
    return table(context.key("cost"), "Cost", columns, rows, notes, is_drawn=is_drawn)


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
