"""Speedup, efficiency and serial share against the number of workers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from ray_bench.analysis.predict import Prediction
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.report.cells import Cell, Unit, asked, estimate
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import at_sizes, interval
from ray_bench.stats.estimate import Estimate

MEASURED, NO_CLAIM = "measured", "measured, no claim"
FORECAST, IDEAL = "forecast", "ideal"

Row = dict[str, Datum]

_BAND = (
    "Band: where one new run would lie (95 %), the spread between the laws and their own error "
    "included; where it leaves the frame, the table has its bounds."
)
_NO_CLAIM = "No claim: more ranks than cores or GPUs; such points say nothing about scaling."


def speedup(context: Context) -> Picture | None:
    """Return measured speedup with its intervals, the ideal line and the forecast."""
    if len(context.study.rows) < 2:
        return None
    base = context.study.baseline
    measured = [(row, estimate(row.speedup, "x")) for row in context.study.rows]
    rows = [
        *_line(IDEAL, "speedup", ((n, asked(n / base, "x")) for n in _sizes(context))),
        *_forecast(context, "speedup", "x", lambda x: x.speedup),
        *_measured(context, "speedup", measured),
    ]
    sizes = _sizes(context)
    doubles = all(after == 2 * before for before, after in itertools.pairwise(sizes))
    axes = "both axes double" if doubles else "the axis of speedup doubles"
    notes = [
        f"Speedup over {workers(base)}; {axes}. Bars and band: 95 %.",
        *_notes(context),
    ]
    return Picture(
        key=context.key("speedup"),
        title=context.title("Speedup against workers"),
        alt=_speedup_alt(context, measured),
        section=context.key("scaling"),
        chart="curve",
        rows=tuple(rows),
        notes=tuple(notes),
    )


def efficiency(context: Context) -> Picture | None:
    """Return measured efficiency with its intervals, and the forecast."""
    if len(context.study.rows) < 2:
        return None
    measured = [(row, estimate(row.efficiency_frac, "frac")) for row in context.study.rows]
    full = ((n, asked(1.0, "frac")) for n in _sizes(context))
    rows = [
        *_line(IDEAL, "efficiency_frac", full),
        *_forecast(context, "efficiency_frac", "frac", lambda x: x.efficiency_frac),
        *_measured(context, "efficiency_frac", measured),
    ]
    words = at_sizes((row.world_size, cell) for row, cell in measured[1:])
    return Picture(
        key=context.key("efficiency"),
        title=context.title("Parallel efficiency against workers"),
        alt=f"Parallel efficiency by number of workers. Measured: {words}.{_far(context, _frac)}",
        section=context.key("scaling"),
        chart="curve",
        rows=tuple(rows),
        notes=("Efficiency: speedup over ideal speedup.", *_notes(context)),
    )


def serial_share(context: Context) -> Picture | None:
    """Return the serial share of every world size, and that of the fitted law.

    One world size beside the baseline shows neither a flat share nor a rising one.
    """
    measured = [
        (row, estimate(row.serial_frac, "frac"))
        for row in context.study.rows
        if row.serial_frac is not None
    ]
    if len(measured) < 2:
        return None
    weak = context.study.scaling == "weak"
    name = "Gustafson" if weak else "Karp-Flatt"
    law = context.study.law
    rows = list(_measured(context, "serial_frac", measured))
    # The law's share is one of the time at 1 worker; the measured ones are against the baseline.
    if law is not None and law.fit.draws is not None and law.baseline == 1:
        share = estimate(law.serial_frac, "frac", "predicted")
        flat = ((row.world_size, share) for row, _ in measured)
        rows = [*_line(f"{law.name}'s law", "serial_frac", flat), *rows]
    words = at_sizes((row.world_size, cell) for row, cell in measured)
    return Picture(
        key=context.key("serial_share"),
        title=context.title(f"Serial share ({name}) against workers"),
        alt=f"Serial share ({name}) by number of workers: {words}.",
        section=context.key("scaling"),
        chart="curve",
        rows=tuple(rows),
        notes=(
            "Flat: work that does not parallelise. Rising: overhead that grows with the workers, "
            "such as communication. Below 0: superlinear. Bars: 95 % intervals.",
            *_claim_note(context),
        ),
    )


def _line(series: str, name: str, cells: Iterator[tuple[int, Cell]]) -> Iterator[Row]:
    for size, cell in cells:
        if cell.value is not None:
            known: Row = {"world_size": size, "series": series, "kind": cell.kind}
            yield {**known, **interval(name, cell)}


def _measured(
    context: Context, name: str, cells: Sequence[tuple[ScalingRow, Cell]]
) -> Iterator[Row]:
    clean = context.study.clean_sizes
    for row, cell in cells:
        series = MEASURED if row.world_size in clean else NO_CLAIM
        yield from _line(series, name, iter([(row.world_size, cell)]))


def _forecast(
    context: Context, name: str, unit: Unit, pick: Callable[[Prediction], Estimate | None]
) -> Iterator[Row]:
    found = context.study.predictions
    cells = ((x.world_size, estimate(pick(x), unit, "predicted")) for x in found)
    yield from _line(FORECAST, name, cells)


def _sizes(context: Context) -> list[int]:
    predicted = {x.world_size for x in context.study.predictions if x.speedup is not None}
    return sorted(predicted | {row.world_size for row in context.study.rows})


def _notes(context: Context) -> list[str]:
    has_forecast = any(x.speedup is not None for x in context.study.predictions)
    fit = context.study.fit
    notes = [_BAND] if has_forecast else []
    if has_forecast and fit is not None and fit.chosen is not None:
        notes.append(f"The law that is taken: {fit.chosen.test.law.title}.")
    return [*notes, *_claim_note(context)]


def _claim_note(context: Context) -> list[str]:
    clean = context.study.clean_sizes
    return [] if len(clean) == len(context.study.group.world_sizes) else [_NO_CLAIM]


def _speedup_alt(context: Context, measured: Sequence[tuple[ScalingRow, Cell]]) -> str:
    words = at_sizes((row.world_size, cell) for row, cell in measured[1:])
    last = measured[-1][0]
    ideal = show(asked(last.ideal_speedup, "x")).value
    return (
        f"Speedup by number of workers. Measured: {words}; ideal would be {ideal} at "
        f"{last.world_size}.{_far(context, _speedup)}"
    )


def _far(context: Context, cell_of: Callable[[Prediction], Cell]) -> str:
    """Return what is predicted of the largest world size."""
    known = [x for x in context.study.predictions if x.speedup is not None]
    if not known:
        return ""
    shown = show(cell_of(known[-1]))
    return f" Forecast at {known[-1].world_size} workers: {shown.value} ({shown.interval})."


def _speedup(prediction: Prediction) -> Cell:
    return estimate(prediction.speedup, "x", "predicted")


def _frac(prediction: Prediction) -> Cell:
    return estimate(prediction.efficiency_frac, "frac", "predicted")
