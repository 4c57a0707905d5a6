"""The decision: what every world size takes, which one is right, and what would make it surer."""

from __future__ import annotations

from ray_bench.analysis.decision.choose import Choice
from ray_bench.analysis.decision.front import FrontPoint
from ray_bench.analysis.decision.options import Option
from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.resources import cost
from ray_bench.report.cells import (
    Cell,
    Section,
    Table,
    asked,
    estimate,
    number,
    table,
    text,
)
from ray_bench.report.context import Context, workers
from ray_bench.report.decision_words import (
    aim_words,
    beyond_words,
    kind_of,
    next_words,
    spend_words,
    sure_words,
    unreachable_words,
)
from ray_bench.report.format import show
from ray_bench.report.sections.spending import basis, money, spend_tables, time_kind

_S_PER_MIN = 60.0


def section(context: Context) -> Section:
    """Return the decision section."""
    decision = context.study.decision
    return Section(
        context.key("decision"),
        context.title("Decision"),
        paragraphs=tuple(_words(context)),
        tables=(*((_choices(context),) if decision.wider else ()), *spend_tables(context)),
    )


def _words(context: Context) -> list[str]:
    decision = context.study.decision
    if decision.recommended is None:
        aim = f"Aim: {aim_words(decision.ask, context.currency)}."
        words = [unreachable_words(context) if decision.choice else f"{aim} No recommendation."]
    else:
        predicted = " (predicted, not measured)" if decision.is_predicted else ""
        words = [
            f"Recommended: {workers(decision.recommended)}{predicted}. {sure_words(context)}",
            spend_words(context),
            beyond_words(context),
        ]
    return [x for x in (*words, next_words(context)) if x]


def _choices(context: Context) -> Table:
    decision = context.study.decision
    columns = {
        "world_size": "Workers",
        "basis": "Basis",
        "time": "Time per run",
        "cost": "Cost per run",
        "right": "Right of the measured",
        "right_of_all": "Right of all",
        "front": "Pareto front",
        "saved_minute": "Price of a saved minute",
        "saved_work": "Worker-minutes per saved minute",
    }
    points = {x.world_size: x for x in decision.front}
    rows = [_choice_row(context, x, points.get(x.world_size)) for x in decision.options]
    optional = ("time", "cost", "right", "right_of_all", "saved_minute", "saved_work")
    return table(
        context.key("decision"),
        f"Choice for the aim {aim_words(decision.ask, context.currency)}",
        columns,
        rows,
        _choice_notes(context),
        optional=optional,
    )


def _choice_notes(context: Context) -> list[str]:
    decision = context.study.decision
    notes = [
        "Right: the share of joint draws of the whole curve, measured noise and forecast error in "
        "them, in which this world size serves the aim best."
    ]
    if decision.choice is not None and decision.choice.none_share >= 0.001:
        shown = show(number(decision.choice.none_share, "frac")).value
        notes.append(f"In {shown} of the draws none meets the aim.")
    notes.append(
        "Pareto front: no other world size is both as fast and as cheap. A saved minute is paid "
        "against the next slower one on the front; without interval where the draws do not show "
        "that time is saved."
    )
    return notes


def _choice_row(context: Context, option: Option, point: FrontPoint | None) -> tuple[Cell, ...]:
    decision, price = context.study.decision, context.price_per_worker_hour
    measured = decision.choice if decision.choice is not decision.wider else None
    rate = None if point is None else point.worker_s_per_s
    run = option.run
    # Per minute: worker-seconds per second x 60 s x price / 3600 s.
    minute = None if rate is None else cost(_scaled(rate, _S_PER_MIN), price)
    kind = kind_of(option, "derived")
    return (
        asked(option.world_size),
        text(basis(option)),
        estimate(run.time_s if run else None, "s", time_kind(context, option)),
        money(context, run, option),
        _share(measured, option),
        _share(decision.wider, option),
        text("yes" if point is not None else None),
        estimate(minute, "money", kind, context.currency),
        estimate(rate if minute is None else None, "count", kind),
    )


def _scaled(rate: Estimate, factor: float) -> Estimate:
    return rate.mapped(lambda x: x * factor)


def _share(choice: Choice | None, option: Option) -> Cell:
    if choice is None or option.world_size not in choice.sizes:
        return Cell(None, "frac")
    return number(choice.share(option.world_size), "frac", kind_of(option, "derived"))


def predicted_rows(context: Context, size: int) -> list[tuple[Cell, ...]]:
    """Return what is known of a recommended world size that was not measured."""
    option = context.study.decision.option(size)
    first = context.study.decision.option(context.study.baseline)
    if option is None or first is None:
        return []
    speedup = option.throughput.scaled(1 / first.throughput.value)
    growth = first.world_size / size
    return [
        (text("Workers"), asked(size)),
        (text("Speedup"), estimate(speedup, "x", "predicted")),
        (text("Parallel efficiency"), estimate(speedup.scaled(growth), "frac", "predicted")),
        (
            text("Time per run"),
            estimate(option.run.time_s if option.run else None, "s", "predicted"),
        ),
    ]
