"""Where the efficiency goes: from ideal scaling to what was measured, in steps that add up."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.resources import cost
from ray_bench.analysis.waterfall import Cause, Waterfall
from ray_bench.report.cells import Cell, Section, Table, asked, estimate, number, table, text
from ray_bench.report.context import Context, workers

CAUSE_NAMES = {
    Cause.DATA_WAIT: "data wait",
    Cause.SKEW: "skew (waiting for the slowest)",
    Cause.TRANSFER: "exposed transfer",
    Cause.CONTENTION: "contention",
    Cause.OPTIMIZER_AND_HOST: "optimizer and host",
    Cause.BATCH_TOO_SMALL: "batch too small",
    Cause.START_UP: "launch and start-up",
    Cause.UNEXPLAINED: "unexplained",
}

_NEEDS_ANOTHER = "Needs another world size than the baseline."


def section(context: Context) -> Section:
    """Return the waterfall of every world size, of the steps alone and over a whole run."""
    tables = (_of_steps(context), _of_runs(context))
    title = context.title("Where the efficiency goes")
    return Section(context.key("waterfall"), title, tables=tables)


def _of_steps(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "step": "Step",
        "points": "Efficiency",
        "seconds": "Lost per step",
        "money": "Costs per run",
    }
    found = context.study.waterfalls
    rows = [row for x in found for row in _step_rows(context, x)]
    notes = [
        f"From ideal scaling of {workers(context.study.baseline)}, 100 %, to the parallel "
        "efficiency as measured: the changes add up to it. A change below 0 is lost, one above 0 "
        "is gained. Unexplained: what no phase explains, and the difference between the "
        "throughput pass and the phase pass. Intervals: t over runs, over sampled steps where "
        "there is one run.",
        *_missing(found),
    ]
    if rows and context.price_per_worker_hour is not None:
        notes.append("Costs: of the training of a run, steps alone, what ideal scaling would save.")
    notes = notes if rows else [_NEEDS_ANOTHER]
    title = "From ideal to measured efficiency"
    return table(
        context.key("waterfall"), title, columns, rows, notes, optional=("money", "seconds")
    )


def _missing(found: tuple[Waterfall, ...]) -> Iterator[str]:
    """Say where causes are not known."""
    bare = [str(x.world_size) for x in found if len(x.falls) == 1]
    if bare:
        yield (
            f"At {', '.join(bare)} workers no steps were sampled, or none of the baseline's, so "
            "nothing is explained. Set measure.phase_steps=20."
        )
    blind = [x for x in found if len(x.falls) > 1]
    if blind and not any(_has(x, Cause.CONTENTION) for x in blind):
        yield "No contention was seen; without measure.sync_pairs it is in the computation."


def _has(found: Waterfall, cause: Cause) -> bool:
    return any(fall.cause is cause for fall in found.falls)


def _step_rows(context: Context, found: Waterfall) -> Iterator[tuple[Cell, ...]]:
    empty = (Cell(None, "s"), Cell(None, "money"))
    yield (asked(found.world_size), text("ideal"), number(1.0, "frac", "derived"), *empty)
    for fall in found.falls:
        yield (
            asked(found.world_size),
            text(CAUSE_NAMES[fall.cause]),
            estimate(_change(fall.points), "points"),
            number(fall.seconds, "s"),
            _money(context, found, fall.points),
        )
    yield (
        asked(found.world_size),
        text("measured"),
        estimate(found.efficiency_frac, "frac"),
        number(sum(fall.seconds for fall in found.falls), "s"),
        _money(context, found, Estimate(found.lost_frac)),
    )


def _of_runs(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "step": "Step",
        "points": "Efficiency",
        "money": "Costs per run",
    }
    found = [x.over_run for x in context.study.waterfalls if x.over_run is not None]
    rows = [row for x in found for row in _run_rows(context, x)]
    unknown = "The start-up of these runs is not known."
    notes = (
        "The same with launch and start-up counted, spread over one run. Ideal: as many "
        "worker-seconds of start-up as the baseline. Evaluation is left out."
        if rows
        else (unknown if context.study.waterfalls else _NEEDS_ANOTHER),
    )
    return table(
        context.key("waterfall_run"),
        "The same over a whole run, start-up counted",
        columns,
        rows,
        notes,
        optional=("money",),
        is_drawn=bool(rows),
    )


def _run_rows(context: Context, found: Waterfall) -> Iterator[tuple[Cell, ...]]:
    start = next(fall for fall in found.falls if fall.cause is Cause.START_UP)
    steps = Estimate(math.fsum(x.points.value for x in found.falls if x is not start))
    size = asked(found.world_size)
    yield size, text("ideal"), number(1.0, "frac", "derived"), Cell(None, "money")
    for name, points in (("steps, as above", steps), (CAUSE_NAMES[start.cause], start.points)):
        yield (
            size,
            text(name),
            estimate(_change(points), "points", "derived"),
            _money(context, found, points),
        )
    measured = estimate(found.efficiency_frac, "frac", "derived")
    yield size, text("measured"), measured, _money(context, found, Estimate(found.lost_frac))


def _change(points: Estimate) -> Estimate:
    return points.mapped(lambda lost: 0.0 - lost)


def _money(context: Context, found: Waterfall, points: Estimate) -> Cell:
    """Return what the workers cost for the time that is lost; below 0 what they save."""
    if found.train_s is None:
        return Cell(None, "money")
    worker_s = found.train_s * found.world_size
    lost = cost(points.mapped(lambda x: x * worker_s), context.price_per_worker_hour)
    return estimate(lost, "money", "derived", context.currency)
