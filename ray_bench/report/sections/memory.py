"""Peak memory by batch per worker, and whether other numbers of workers would fit."""

from __future__ import annotations

from ray_bench.analysis.memory import EXTRAPOLATION_ERROR_FRAC, ROUNDING_FRAC, MemoryLine
from ray_bench.analysis.memory_rows import RESERVED_FRAC, MemoryRow, memory_of, memory_rows
from ray_bench.analysis.predict import prediction_sizes
from ray_bench.report.cells import Section, Table, Unit, number
from ray_bench.report.context import Context, workers
from ray_bench.report.fields import Field, rows_table
from ray_bench.report.format import show
from ray_bench.report.sections.devices import device_tables

FITS = {None: None, "yes": "fits", "unsure": "may not fit", "no": "does not fit"}


def section(context: Context) -> Section:
    """Return what other world sizes would need of memory, and what the devices did."""
    rows = context.study.resources
    words = []
    if context.study.first.device == "cpu":
        words.append("Memory: resident set of the worker's process, Python and torch included.")
    if all(row.energy_j is None for row in rows):
        words.append("Energy is unknown: no energy counter could be read on this machine.")
    else:
        words.append(
            "Energy: mean over runs, of training and evaluation; on CPU of all packages of the "
            "hosts, whatever else they did, on GPU of the GPUs alone."
        )
    tables = (*memory_tables(context), *device_tables(context))
    return Section(
        context.key("resources"), context.title("Memory and energy"), tuple(words), tables
    )


def says(context: Context) -> str:
    """Return the main number: the peak of the largest world size."""
    peaks = [x for x in context.study.resources if x.peak_memory_bytes is not None]
    if not peaks:
        return "peak memory is unknown"
    shown = _shown(peaks[-1].peak_memory_bytes or 0.0, "bytes")
    return f"{shown} a worker at {workers(peaks[-1].world_size)}"


def memory_tables(context: Context) -> tuple[Table, ...]:
    """Return the forecast of peak memory; nothing where no run has one."""
    group, environments = context.study.group, context.results.environments
    line = memory_of([*group.runs, *group.ddp_at_one])
    if line is None:
        return ()
    sizes = prediction_sizes((1, *group.world_sizes))
    rows = memory_rows(sizes, group, environments)
    fields: tuple[Field[MemoryRow], ...] = (
        Field("world_size", "Workers", "count", None, lambda x: x.world_size),
        Field("predicted", "Forecast", "bytes", "predicted", lambda x: x.predicted),
        Field("capacity", "Capacity", "bytes", None, lambda x: x.capacity_bytes),
        Field("remark", "Remark", None, None, lambda x: FITS[x.fits]),
    )
    title = "Peak memory of a worker by the forecast, and whether it fits"
    notes = [line_words(line), *_capacity_notes(context, rows)]
    return (rows_table(context.key("memory"), title, fields, rows, notes),)


def line_words(line: MemoryLine) -> str:
    """Return what is known of peak memory against the batch of a worker."""
    if line.bytes_per_sample is None or line.fixed_bytes is None:
        return (
            f"How memory grows with the batch is not known from one batch per worker "
            f"({line.batches[0]:g}): measure another batch_size, or scaling=strong."
        )
    fixed, each = (_shown(x, "bytes") for x in (line.fixed_bytes, line.bytes_per_sample))
    words = (
        f"Predicted = {fixed} + {each} x batch per worker, from batches of {line.batches[0]:g} to "
        f"{line.batches[-1]:g}."
    )
    if line.scatter is None:
        return f"{words} No interval: it needs repeats, or a third world size with DDP."
    words += (
        " The interval is where one new run would lie (95 %), with assumed errors of "
        f"{_shown(ROUNDING_FRAC, 'frac')}, and of {_shown(EXTRAPOLATION_ERROR_FRAC, 'frac')} of "
        "what the line adds beyond these batches."
    )
    return words if len(line.batches) > 2 else f"{words} Two batches do not test the line."


def _capacity_notes(context: Context, rows: tuple[MemoryRow, ...]) -> list[str]:
    is_cpu = context.study.first.device == "cpu"
    if all(row.capacity_bytes is None for row in rows):
        return ["The capacity of the device is not known."]
    if is_cpu:
        return [
            "Capacity: an even share of the host's memory. Workers share pages of Python and "
            "torch, which count for each of them here."
        ]
    return [
        "Capacity: as the name of the GPU says. The allocator and the driver hold some besides the "
        f"peak: within {_shown(RESERVED_FRAC, 'frac')} of it a run may not fit."
    ]


def _shown(value: float, unit: Unit) -> str:
    return show(number(value, unit)).value
