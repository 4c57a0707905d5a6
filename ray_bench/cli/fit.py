"""`ray-bench fit`: the scaling law and the forecast of anybody's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.curves import (
    By,
    Cells,
    Column,
    DecimalMark,
    Files,
    Ignore,
    KeepJumps,
    PerOf,
    RowOf,
    Sheet,
    Where,
)
from ray_bench.cli.options import At, PageForm, PageFormat, ScalingMode, WorkersPerNode

if TYPE_CHECKING:
    from ray_bench.analysis.fit.drift import Drift
    from ray_bench.analysis.fit.measured import MeasuredCurve
    from ray_bench.reading.curve import Curve
    from ray_bench.report.fit_curves import FittedCurve

HELP = """Find the scaling law of measured numbers, and predict other world sizes from it.

FILE is a table (CSV, Excel, JSON, JSON Lines, Parquet, Markdown) or a training log; several are
rows of one table. Columns are known by their names (GPUs, img/s, ms/step, s/epoch, speedup, batch
per GPU) and their units, and what was read is said. Where a file may be read in two ways, the
options to choose are named. Rows that differ in a setting are curves of their own; rows that differ
in nothing are repeats. docs/reading.md tells more.

Laws are chosen by how well they predict points that they were not fitted to. Intervals widen with
the distance from the data; where one says nothing, the forecast ends. Needs neither torch nor Ray.

\b
Examples:
  ray-bench fit curve.csv
  ray-bench fit curve.csv --at 64 --at 128 --workers-per-node 8
  ray-bench fit curve.csv --at 64 --global-batch-size 4096
  ray-bench fit curve.json --scaling strong --level 0.9 --format json
  ray-bench fit results.xlsx --where precision=amp --by framework
  ray-bench fit 1=one.log 2=two.log 4=four.log
"""


def fit(
    files: Files,
    scaling: Annotated[
        ScalingMode | None,
        typer.Option(
            show_default=False,
            help="weak: the batch per worker was fixed; strong: the global batch. Not given: what "
            "the file says; step times need it.",
        ),
    ] = None,
    at: At = None,
    workers_per_node: WorkersPerNode = None,
    level: Annotated[
        float, typer.Option(metavar="X", help="Coverage of the intervals, between 0.5 and 0.999.")
    ] = 0.95,
    link: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            show_default=False,
            help="Bandwidth of a node's link (25Gbps) where no point spans two nodes.",
        ),
    ] = None,
    gradient_bytes: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            show_default=False,
            help="Gradients of a step (100MB); goes with --link.",
        ),
    ] = None,
    global_batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="SAMPLES",
            min=1,
            show_default=False,
            help="Global batch of the forecast, where it does not follow from the batches in the "
            "file.",
        ),
    ] = None,
    column: Column = None,
    per: PerOf = None,
    decimal: DecimalMark = None,
    where: Where = None,
    by: By = None,
    ignore: Ignore = None,
    row: RowOf = None,
    cells: Cells = None,
    sheet: Sheet = None,
    keep_jumps: KeepJumps = False,
    form: PageForm = PageFormat.TERMINAL,
) -> None:
    """Find the scaling law of measured numbers."""
    from ray_bench.cli.curves import measured_of, pairs, unit_of
    from ray_bench.errors import ConfigError
    from ray_bench.reading.choices import Choices
    from ray_bench.reading.curves import read_curves
    from ray_bench.report.fit_curves import FittedCurve
    from ray_bench.report.fit_memory import CurveMemory

    if not 0.5 <= level <= 0.999:
        raise ConfigError(f"--level has to be between 0.5 and 0.999, got {level:g}.")
    wanted = pairs("--where", where, "COLUMN=VALUE")
    choices = Choices(
        columns=pairs("--column", column, "ROLE=NAME"),
        per=None if per is None else per.value,
        decimal=None if decimal is None else decimal.value,
        scaling=None if scaling is None else scaling.value,
        workers_per_node=workers_per_node,
        where={k: tuple(x.strip() for x in v.split(",")) for k, v in wanted.items()},
        by=by or (),
        ignore=ignore or (),
        rows=row or (),
        cells=cells,
        sheet=sheet,
        keep_jumps=keep_jumps,
    )
    reading = read_curves(files, choices)
    asked = tuple(dict.fromkeys(at or ()))
    found = []
    for curve in reading.curves:
        measured = measured_of(curve, choices.scaling)
        drift = _drift(measured, link, gradient_bytes)
        unit = unit_of(curve, measured)
        fitted = FittedCurve.of(
            curve.name,
            measured,
            unit,
            drift,
            asked,
            level,
            is_unit_sure=keep_jumps,
            batch=_batch_of_forecast(curve, global_batch_size),
        )
        memory = CurveMemory.of(curve.peak_memory_bytes, curve.local_batch_size)
        found.append(replace(fitted, memory=memory))
    said = [*reading.said, *_scaling_words(reading.curves, found, asked)]
    _show(reading.name, found, said, level, form)


def _scaling_words(
    curves: Sequence[Curve], found: Sequence[FittedCurve], asked: Sequence[int]
) -> list[str]:
    """Return what is taken for granted of the scaling, and what else the forecast would be."""
    untold = [x for x, curve in zip(found, curves, strict=True) if not curve.is_scaling_told]
    if not untold:
        return []
    from ray_bench.report.fit_curves import other_scaling_words

    words = "scaling: nothing says which batch was fixed; taken as weak (that of a worker)"
    return [f"{words}. With --scaling strong {other_scaling_words(untold[0], asked)}"]


def _batch_of_forecast(curve: Curve, global_batch_size: int | None) -> float | None:
    """Return the batch that a forecast is for, in batches of a worker at the first world size."""
    from ray_bench.errors import ConfigError

    if global_batch_size is None:
        return None
    if not curve.local_batch_size:
        raise ConfigError(
            "--global-batch-size needs a column global_batch_size or local_batch_size in the file: "
            "a batch cannot be compared with nothing."
        )
    return global_batch_size / curve.local_batch_size[min(curve.local_batch_size)]


def _drift(measured: MeasuredCurve, link: str | None, gradient_bytes: str | None) -> Drift | None:
    from ray_bench.analysis.fit.boundary import num_bytes, rate, with_link
    from ray_bench.analysis.fit.drift import Drift
    from ray_bench.errors import ConfigError

    if link is None and gradient_bytes is None:
        return None
    if link is None or gradient_bytes is None:
        raise ConfigError("--link and --gradient-bytes go together; give both.")
    if measured.workers_per_node is None:
        raise ConfigError("--link needs --workers-per-node: between which workers is it?")
    if measured.seconds is None:
        raise ConfigError(
            "--link needs a column step_time_s or a batch in the file: seconds cannot be compared "
            "with a throughput alone."
        )
    return with_link(Drift(), rate(link), num_bytes(gradient_bytes), measured.seconds)


def _show(
    name: str,
    found: Sequence[FittedCurve],
    said: Sequence[str],
    level: float,
    form: PageFormat,
) -> None:
    from ray_bench.report.fit_curves import curves_json, curves_report

    if form is PageFormat.JSON:
        typer.echo(curves_json(found, said, level))
    else:
        from ray_bench.cli.reporting import write

        write(curves_report(name, found, said, level), form.value, None)
