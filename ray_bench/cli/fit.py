"""`ray-bench fit`: the scaling law and the forecast of anybody's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.options import At, PageForm, PageFormat, ScalingMode, WorkersPerNode

if TYPE_CHECKING:
    from ray_bench.analysis.fit.drift import Drift
    from ray_bench.analysis.fit.forecast import CurveFit
    from ray_bench.analysis.fit.measured import MeasuredCurve
    from ray_bench.analysis.fit.points import Points
    from ray_bench.records import Scaling
    from ray_bench.store.curve_file import CurveFile

HELP = """Find the scaling law of measured numbers, and predict other world sizes from it.

CURVE is a .csv, .parquet or .json file with the columns world_size and throughput or step_time_s;
several rows of a world size are repeats. A column global_batch_size or local_batch_size tells which
batch was fixed. Laws are chosen by how well they predict points that they were not fitted to.
Intervals widen with the distance from the data. Needs neither torch nor Ray.

\b
Examples:
  ray-bench fit curve.csv
  ray-bench fit curve.csv --at 64 --at 128 --workers-per-node 8
  ray-bench fit curve.csv --at 64 --global-batch-size 4096
  ray-bench fit curve.json --scaling strong --level 0.9 --format json
"""


def fit(
    curve: Annotated[str, typer.Argument(metavar="CURVE", help="The file with the numbers.")],
    scaling: Annotated[
        ScalingMode | None,
        typer.Option(
            show_default=False,
            help="weak: the batch per worker was fixed; strong: the global batch. Not given: what "
            "the batches in the file say, else weak.",
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
    form: PageForm = PageFormat.TERMINAL,
) -> None:
    """Find the scaling law of measured numbers."""
    from pathlib import Path

    from ray_bench.analysis.fit.forecast import default_sizes, fit_curve
    from ray_bench.analysis.fit.measured import measured_curve
    from ray_bench.errors import ConfigError
    from ray_bench.store.curve_file import read_curve

    if not 0.5 <= level <= 0.999:
        raise ConfigError(f"--level has to be between 0.5 and 0.999, got {level:g}.")
    given = read_curve(curve)
    measured = measured_curve(
        given.values,
        given.quantity,
        _scaling(scaling, given),
        workers_per_node=workers_per_node,
        step_time_s=given.step_time_s,
        local_batch_size=given.local_batch_size,
    )
    points = _with_batch(measured.points, given, global_batch_size)
    found = fit_curve(points, _drift(measured, link, gradient_bytes))
    sizes = tuple(dict.fromkeys(at)) if at else default_sizes(points)
    _show(Path(curve).name, measured, found, sizes, level, _unit(given, measured), form)


def _with_batch(points: Points, given: CurveFile, global_batch_size: int | None) -> Points:
    from ray_bench.errors import ConfigError

    if global_batch_size is None:
        return points
    if not given.local_batch_size:
        raise ConfigError(
            "--global-batch-size needs a column global_batch_size or local_batch_size in the file: "
            "a batch cannot be compared with nothing."
        )
    return points.with_batch(global_batch_size / given.local_batch_size[min(given.values)])


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


def _scaling(asked: ScalingMode | None, given: CurveFile) -> Scaling:
    """Return what was asked for, where the batches in the file do not say otherwise."""
    from ray_bench.analysis.fit.measured import fixed_batch
    from ray_bench.errors import ConfigError

    if asked is None or not given.local_batch_size:
        return "weak" if asked is None else asked.value
    seen = fixed_batch(given.local_batch_size)
    if seen != asked:
        fixed = {"weak": "that of a worker", "strong": "the global one", "mixed": "neither"}[seen]
        raise ConfigError(
            f"--scaling {asked.value} does not agree with the batches in the file, of which "
            f"{fixed} is the same everywhere; leave --scaling out, or give each batch a file."
        )
    return asked.value


def _unit(given: CurveFile, measured: MeasuredCurve) -> str:
    if given.quantity == "throughput":
        return given.unit or "samples/s"
    if given.local_batch_size:
        return "samples/s"
    if measured.scaling == "weak":
        return "batches of a worker per second"
    return "global batches per second"


def _show(
    name: str,
    measured: MeasuredCurve,
    found: CurveFit,
    sizes: tuple[int, ...],
    level: float,
    unit: str,
    form: PageFormat,
) -> None:
    rows = found.forecast(sizes, level)
    if form is PageFormat.JSON:
        from ray_bench.report.fit_json import fit_json

        typer.echo(fit_json(measured, found, rows, level, unit))
        return
    from ray_bench.cli.reporting import write
    from ray_bench.report.fit_report import fit_report

    write(fit_report(name, found, rows, level, unit), form.value, None)
