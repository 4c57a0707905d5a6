"""Losses by cause: from ideal scaling to what was measured, in steps that add up."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ray_bench.analysis.losses import Loss
from ray_bench.analysis.resources import cost
from ray_bench.analysis.waterfall import Cause, Waterfall
from ray_bench.report.cells import Section, Table, table
from ray_bench.report.context import Context, workers
from ray_bench.report.fields import Crossed, Field, crossed_table
from ray_bench.report.format import points_lost
from ray_bench.report.sections.steps import slow_ranks_table
from ray_bench.stats.estimate import Estimate

CAUSE_NAMES = {
    Cause.DATA_WAIT: "waiting for data",
    Cause.SKEW: "waiting for slow ranks",
    Cause.TRANSFER: "transfer not hidden",
    Cause.CONTENTION: "contention",
    Cause.OPTIMIZER_AND_HOST: "optimizer and host",
    Cause.BATCH_TOO_SMALL: "smaller batches",
    Cause.START_UP: "launch and start-up",
    Cause.UNEXPLAINED: "unexplained",
}

_MEASURED = "Measured"
_START_UP = "Measured, start-up counted"


def section(context: Context) -> Section:
    """Return what is lost and gained at every world size."""
    slow = slow_ranks_table(context)
    tables = (_causes(context), *(() if slow is None else (slow,)))
    words = [*_evidence(context), *(() if slow else ("No rank is surely slower than the others.",))]
    title = context.title("Losses by cause")
    return Section(context.key("waterfall"), title, tuple(words), tables)


def cause_title(cause: Cause) -> str:
    """Return a cause as the heading of a row."""
    name = CAUSE_NAMES[cause]
    return f"{name[0].upper()}{name[1:]}"


def says(context: Context) -> str:
    """Return the main number: what is lost and gained at the largest world size."""
    known = [x for x in context.study.waterfalls if len(x.falls) > 1]
    if not known:
        return "no phases were sampled, so causes are unknown"
    points = [fall.points.value for fall in known[-1].falls]
    lost, gained = (points_lost(sum(x for x in points if x * sign > 0) * sign) for sign in (1, -1))
    return f"At {workers(known[-1].world_size)} {lost} are lost, {gained} gained"


def _causes(context: Context) -> Table:
    found = context.study.waterfalls
    if not found:
        note = "Needs another world size than the baseline."
        columns = {"name": "Cause"}
        return table(context.key("waterfall"), "Losses by cause", columns, [], [note])
    causes = [x for x in Cause if x is not Cause.START_UP and _has(found, x)]
    names = [*(cause_title(x) for x in causes), _MEASURED]
    if any(x.over_run for x in found):
        names += [cause_title(Cause.START_UP), _START_UP]
    groups = [Crossed(str(x.world_size), workers(x.world_size), x) for x in found]
    return crossed_table(
        context.key("waterfall"),
        "Losses by cause",
        "Cause",
        names,
        groups,
        lambda name: _fields(context, name),
        [*_notes(context)],
    )


def _fields(context: Context, name: str) -> tuple[Field[Waterfall], ...]:
    is_whole = name in (_MEASURED, _START_UP)
    return (
        Field(
            "points", "Points", "frac" if is_whole else "points",
            "measured" if name != _START_UP else "derived", lambda x: _points(x, name),
        ),
        Field("seconds", "Lost per step", "s", "measured", lambda x: _seconds(x, name)),
        Field(
            "money", "Costs per run", "money", "derived",
            lambda x: _money(context, x, name), context.currency,
        ),
    )  # fmt: skip


def _points(found: Waterfall, name: str) -> Estimate | None:
    if name == _MEASURED:
        return found.efficiency_frac
    if name == _START_UP:
        return None if found.over_run is None else found.over_run.efficiency_frac
    lost = _lost(found, name)
    # -x would make 0 lost a change of -0.
    return None if lost is None else lost.mapped(lambda x: 0.0 - x)


def _lost(found: Waterfall, name: str) -> Estimate | None:
    """Return the share of the efficiency that a cause takes; of start-up over a whole run."""
    whole = found.over_run if name == cause_title(Cause.START_UP) else found
    falls = () if whole is None else whole.falls
    return next((x.points for x in falls if cause_title(x.cause) == name), None)


def _seconds(found: Waterfall, name: str) -> float | None:
    if name == _MEASURED:
        return math.fsum(x.seconds for x in found.falls)
    falls = (x for x in found.falls if cause_title(x.cause) == name)
    return next((x.seconds for x in falls), None)


def _money(context: Context, found: Waterfall, name: str) -> Estimate | None:
    """Return what the workers cost for the time that is lost; below 0 what they save."""
    is_run = name in (_START_UP, cause_title(Cause.START_UP))
    whole = found.over_run if is_run else found
    if whole is None or whole.train_s is None:
        return None
    is_sum = name in (_MEASURED, _START_UP)
    points = Estimate(whole.lost_frac) if is_sum else _lost(found, name)
    if points is None:
        return None
    worker_s = whole.train_s * whole.world_size
    return cost(points.mapped(lambda x: x * worker_s), context.price_per_worker_hour)


def _has(found: tuple[Waterfall, ...], cause: Cause) -> bool:
    return any(fall.cause is cause for x in found for fall in x.falls)


def _notes(context: Context) -> Iterator[str]:
    found = context.study.waterfalls
    yield (
        f"From ideal scaling of {workers(context.study.baseline)}, 100 %, to the efficiency as "
        "measured: points below 0 are lost, above 0 gained; they add up. Smaller batches: what a "
        "sample takes longer, or less long, in the batch of one worker. Unexplained: what no phase "
        "explains, and the difference between the throughput pass and the phase pass. Intervals: "
        "t over runs, over sampled steps where there is one run."
    )
    if context.price_per_worker_hour is not None:
        yield "Costs: of the training of a run, what ideal scaling would save."
    bare = [str(x.world_size) for x in found if len(x.falls) == 1]
    if bare:
        yield (
            f"At {', '.join(bare)} workers no steps were sampled, or none of the baseline's, so "
            "nothing is explained. Set measure.phase_steps=20."
        )
    if len(bare) < len(found) and not _has(found, Cause.CONTENTION):
        yield "No contention was seen; without measure.sync_pairs it is in the computation."
    if any(x.over_run for x in found):
        yield "Start-up is spread over one run; ideal: as many worker-seconds as the baseline's."


def _evidence(context: Context) -> Iterator[str]:
    """Yield what the largest loss rests on, where more than its phase is known."""
    for loss in context.study.verdict.losses[:1]:
        if words := evidence_words(loss):
            yield f"What the largest loss rests on: {words}."


def evidence_words(loss: Loss) -> str:
    """Return the evidence of a loss: `behind 12 ms, skew wait 11.9 ms`."""
    return ", ".join(_in_words(name, x) for name, x in loss.evidence.items())


#: Units of evidence, by the end of its name.
_UNITS = {
    "_s": lambda value: f"{value * 1e3:.3g} ms",
    "_workers": lambda value: workers(round(value)),
    "_frac": lambda value: f"{100 * value:.1f} %",
}


def _in_words(name: str, value: float) -> str:
    end = next(x for x in _UNITS if name.endswith(x))
    return f"{name.removesuffix(end).replace('_', ' ')} {_UNITS[end](value)}"
