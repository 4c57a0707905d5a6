"""What the devices did."""

from __future__ import annotations

from ray_bench.analysis.resources import GpuRow
from ray_bench.report.cells import Table
from ray_bench.report.context import Context
from ray_bench.report.fields import Field, rows_table

Row = tuple[int, GpuRow]


def device_tables(context: Context) -> tuple[Table, ...]:
    """Return what the devices did, where anything of it is known."""
    items = [(row.world_size, row.gpu) for row in context.study.resources]
    if not any(gpu.is_known for _, gpu in items):
        return ()
    fields: tuple[Field[Row], ...] = (
        Field("world_size", "Workers", "count", None, lambda x: x[0]),
        Field("mfu", "MFU", "frac", "derived", lambda x: x[1].mfu_frac),
        Field("flops", "Work per sample", "FLOP", "measured", lambda x: x[1].flops_per_sample),
        Field("peak", "Peak per device", "FLOP/s", None, lambda x: x[1].peak_flops_per_s),
        Field("util", "GPU busy", "frac", "measured", lambda x: x[1].util_frac),
        Field(
            "memory_util", "GPU memory busy", "frac", "measured", lambda x: x[1].memory_util_frac
        ),
        Field("clock", "GPU clock", "MHz", "measured", lambda x: x[1].clock_mhz),
        Field("temperature", "Hottest GPU", "degC", "measured", lambda x: x[1].temperature_c),
        Field("slowed", "GPU clock held back by", None, None, _slowed),
    )
    notes = ["Work per sample: floating-point operations of forward and backward."]
    if any(gpu.mfu_frac is not None for _, gpu in items):
        notes.append(
            "MFU, model FLOPs utilisation = samples/s x work per sample / (workers x dense peak of "
            "the data sheet in the run's precision)."
        )
    if any(gpu.util_frac is not None for _, gpu in items):
        notes.append(
            "Busy: share of the time in which a kernel ran, or device memory was accessed; busy is "
            "not the same as well used. Means over GPUs, readings and runs of the throughput pass."
        )
    return (rows_table(context.key("devices"), "Devices", fields, items, notes),)


def _slowed(row: Row) -> str | None:
    reasons = row[1].throttle_reasons
    return None if reasons is None else ", ".join(reasons) or "nothing"
