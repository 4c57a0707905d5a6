"""Findings, recommendation, and when to use how many workers."""

from __future__ import annotations

from ray_bench.analysis.predict import Prediction
from ray_bench.analysis.resources import ResourceRow, cost
from ray_bench.report.batch_words import batch_cell, batch_words, global_batch_cell
from ray_bench.report.cells import (
    Cell,
    Section,
    Table,
    asked,
    estimate,
    log_estimate,
    number,
    table,
    text,
)
from ray_bench.report.context import Context, workers
from ray_bench.report.decision_words import aim_words
from ray_bench.report.findings import findings
from ray_bench.report.format import show
from ray_bench.report.sections.decision import predicted_rows
from ray_bench.report.sentences import reason

_BY_MEANS = (
    "Shortest and least are by the measured means of time, start-up left out; where intervals "
    "overlap, the order may be chance."
)


def findings_section(context: Context) -> Section:
    """Return the findings and the recommendation."""
    return Section(
        context.key("findings"),
        context.title("Findings and recommendation"),
        paragraphs=(_group_words(context),),
        tables=(_findings(context), _recommendation(context)),
    )


def _group_words(context: Context) -> str:
    study = context.study
    return (
        f"{study.first.point.workload}, {study.scaling} scaling, {batch_words(study)}, "
        f"{study.first.point.precision}, {study.first.device or 'unknown device'}, "
        f"data set {study.first.dataset or 'unknown'}. Baseline: {workers(study.baseline)}, "
        + ("DDP" if study.first_baseline.point.is_ddp else "plain PyTorch without DDP")
        + ("" if context.placement is None else f", placement: {context.placement}")
        + "."
        + (" Emulated: accelerators sleep, nothing here is hardware." if study.is_emulated else "")
    )


def _findings(context: Context) -> Table:
    rows = [(asked(i), text(words)) for i, words in enumerate(findings(context), start=1)]
    columns = {"number": "#", "finding": "Finding"}
    return table(context.key("findings"), "Key findings", columns, rows)


def _recommendation(context: Context) -> Table:
    best = context.study.decision.recommended
    row = None if best is None else context.study.size(best).row
    rows: list[tuple[Cell, ...]] = [(text("Why"), text(reason(context)))]
    if row is not None:
        rows += [
            (text("Workers"), asked(best)),
            (text("Batch per worker"), batch_cell(context.study, row.world_size)),
            (text("Global batch"), global_batch_cell(context.study, row.world_size)),
            (text("Learning rate"), text(_rates(context, best))),
            (text("Speedup"), estimate(row.speedup, "x")),
            (text("Parallel efficiency"), estimate(row.efficiency_frac, "frac")),
            (text("Time per epoch"), _epoch(context, best)),
        ]
    elif best is not None:
        rows += predicted_rows(context, best)
    columns = {"what": "", "value": "Recommendation"}
    return table(context.key("recommendation"), "Recommendation", columns, rows)


def _rates(context: Context, size: int | None) -> str:
    points = {
        r.point.lr_rule: r.point for r in context.study.group.runs if r.point.world_size == size
    }
    return "; ".join(f"{show(asked(x.lr, 'lr')).value} ({rule})" for rule, x in points.items())


def _epoch(context: Context, size: int | None) -> Cell:
    time = None if size is None else context.study.size(size).time
    return log_estimate(None if time is None else time.epoch, "s", "derived")


def usage_section(context: Context) -> Section:
    """Return when to use how many workers, and the comparison aspect by aspect."""
    return Section(
        context.key("usage"),
        context.title("When to use which"),
        tables=(_when(context), _aspects(context)),
    )


def _when(context: Context) -> Table:
    clean = context.study.clean_sizes
    resources = [r for r in context.study.resources if r.world_size in clean and r.time]
    rows = [(asked(r.world_size), text("; ".join(_uses(context, r, resources)))) for r in resources]
    notes = (_BY_MEANS,) if rows else ("No world size carries a claim, so none is advised.",)
    columns = {"world_size": "Workers", "use_when": "Use when"}
    return table(context.key("when_to_use"), "When to use how many", columns, rows, notes)


def _uses(context: Context, row: ResourceRow, rows: list[ResourceRow]) -> list[str]:
    """Return the reasons for a world size, from its numbers among the others'."""
    seconds = {r.world_size: r.time.estimate.value for r in rows if r.time}
    worker_s = {n: n * x for n, x in seconds.items()}
    size = row.world_size
    time = show(number(seconds[size], "s")).value
    uses = []
    if size == min(seconds, key=seconds.__getitem__):
        uses.append(f"time matters most: the shortest run, {time}")
    if size == min(worker_s, key=worker_s.__getitem__):
        used = show(number(worker_s[size], "worker_s")).value
        uses.append(f"cost matters most: the least worker-time, {used}")
    if size == min(seconds):
        uses.append("prototyping and debugging: the fewest processes")
    if size == context.study.decision.recommended:
        aim = aim_words(context.study.decision.ask, context.currency)
        uses.append(f"recommended: for the aim {aim}")
    return uses or [f"no more than {workers(size)} can be had: a run takes {time}"]


def _aspects(context: Context) -> Table:
    """Return the comparison of the smallest and the largest world size in words and numbers."""
    study = context.study
    first, last = study.group.world_sizes[0], study.group.world_sizes[-1]
    resources = {row.world_size: row for row in study.resources}
    speedups = {row.world_size: row.speedup for row in study.rows}
    rows = [
        (text("Code complexity"), *(text(_code(context, n)) for n in (first, last))),
        (text("Hardware usage"), *(text(_hardware(context, n)) for n in (first, last))),
        (text("Time per run"), *(log_estimate(resources[n].time, "s") for n in (first, last))),
        (text("Speedup"), *(estimate(speedups.get(n), "x") for n in (first, last))),
        (text("Cost per run"), *(_cost(context, resources[n]) for n in (first, last))),
        (text("Best use case"), *(text(_best_use(context, n)) for n in (first, last))),
    ]
    if first == last:
        rows = [row[:2] for row in rows]
        columns = {"aspect": "Aspect", "first": workers(first)}
    else:
        columns = {"aspect": "Aspect", "first": workers(first), "last": workers(last)}
    notes = _scalability(context)
    return table(context.key("aspects"), "Aspect by aspect", columns, list(rows), notes)


def _code(context: Context, size: int) -> str:
    run = context.study.runs_at(size)[0]
    if not run.point.is_ddp:
        return "plain training loop, one process"
    return f"model wrapped in DDP, data sharded, {size} process{'es' * (size > 1)}"


def _hardware(context: Context, size: int) -> str:
    device = context.study.first.device or "unknown device"
    return f"{workers(size)} on {device}"


def _cost(context: Context, row: ResourceRow) -> Cell:
    money = cost(row.worker_s, context.price_per_worker_hour)
    return estimate(money, "money", "derived", context.currency)


def _best_use(context: Context, size: int) -> str:
    rows = [r for r in context.study.resources if r.time]
    own = context.study.size(size).resources
    if own is None or not own.time or not context.study.size(size).is_clean:
        return "unknown"
    return "; ".join(words.split(":")[0] for words in _uses(context, own, rows))


def _scalability(context: Context) -> tuple[str, ...]:
    far = [x for x in context.study.predictions if x.speedup is not None]
    return (_far(far[-1]),) if far else ()


def _far(prediction: Prediction) -> str:
    shown = show(estimate(prediction.speedup, "x", "predicted"))
    return f"Scalability: the laws predict {shown} at {prediction.world_size} workers."
