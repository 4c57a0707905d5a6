"""The decision: what every world size takes, which one is right, and what would make it surer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ray_bench.analysis.decision.choose import Choice
from ray_bench.analysis.decision.front import FrontPoint
from ray_bench.analysis.decision.options import Option, Spend
from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.resources import cost
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

_S_PER_MIN = 60.0


def section(context: Context) -> Section:
    """Return the decision section."""
    decision = context.study.decision
    return Section(
        context.key("decision"),
        context.title("Decision"),
        paragraphs=tuple(_words(context)),
        tables=(*((_choices(context),) if decision.wider else ()), *_spends(context)),
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
        text(_basis(option)),
        estimate(run.time_s if run else None, "s", _time_kind(context, option)),
        _money(context, run, option),
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


def _basis(option: Option) -> str:
    if option.is_measured:
        return "measured"
    return "predicted, unknown link" if option.crosses_boundary else "predicted"


def _time_kind(context: Context, option: Option) -> Kind:
    is_scaled = context.study.decision.ask.epochs is not None
    return kind_of(option, "derived" if is_scaled else "measured")


def _money(context: Context, spend: Spend | None, option: Option) -> Cell:
    money = cost(spend.worker_s if spend else None, context.price_per_worker_hour)
    return estimate(money, "money", kind_of(option, "derived"), context.currency)


def _spends(context: Context) -> list[Table]:
    """Return what a run, an epoch, and training to the target take, where it is known."""
    options = context.study.decision.options
    found = []
    if any(x.run for x in options):
        found.append(_spend_table(context, "run_spend", _run_title(context), lambda x: x.run))
    if any(x.epoch for x in options):
        found.append(_spend_table(context, "epoch_spend", "Per epoch", lambda x: x.epoch))
    if any(x.target or x.convergence for x in options):
        found.append(_target_table(context))
    return found


def _run_title(context: Context) -> str:
    epochs = context.study.decision.ask.epochs
    return "Per run" if epochs is None else f"Per run of {epochs:g} epochs"


_SPEND = {
    "world_size": "Workers",
    "basis": "Basis",
    "time": "Time",
    "worker_time": "Worker-time",
    "cost": "Cost",
    "energy": "Energy",
}
_OPTIONAL = ("cost", "energy")


def _spend_table(
    context: Context, key: str, title: str, pick: Callable[[Option], Spend | None]
) -> Table:
    options = context.study.decision.options
    rows = [(*_head(x), *_spend_cells(context, pick(x), x, key)) for x in options]
    notes = _run_notes(options) if key == "run_spend" else ["Warm-up is left out."]
    return table(context.key(key), title, dict(_SPEND), rows, notes, optional=_OPTIONAL)


def _run_notes(options: Sequence[Option]) -> list[str]:
    notes = ["Training and evaluation; start-up is left out."]
    last = max((x.world_size for x in options if x.is_measured), default=0)
    if any(not x.is_measured for x in options):
        notes.append(
            "Predicted: epochs x training samples / predicted throughput, times what evaluation "
            f"and warm-up added with {workers(last)}; energy per worker-second as there."
        )
    return notes


def _head(option: Option) -> tuple[Cell, ...]:
    return asked(option.world_size), text(_basis(option))


def _spend_cells(
    context: Context, spend: Spend | None, option: Option, key: str
) -> tuple[Cell, ...]:
    kind = _time_kind(context, option) if key == "run_spend" else kind_of(option, "derived")
    return (
        estimate(spend.time_s if spend else None, "s", kind),
        estimate(spend.worker_s if spend else None, "worker_s", kind),
        _money(context, spend, option),
        estimate(spend.energy_j if spend else None, "J", kind_of(option, "derived")),
    )


def _target_table(context: Context) -> Table:
    decision = context.study.decision
    columns = {
        **dict(list(_SPEND.items())[:2]),
        "rule": "Rule",
        "epochs": "Epochs",
        "reached": "Runs that got there",
        **dict(list(_SPEND.items())[2:]),
    }
    rows = []
    for option in decision.options:
        found = option.convergence
        reached = f"{found.num_reached} of {found.num_runs}" if found else None
        rows.append(
            (
                *_head(option),
                text(found.lr_rule if found else None),
                log_estimate(found.epochs if found else None, "count", kind_of(option)),
                text(reached if option.is_measured else None),
                *_spend_cells(context, option.target, option, "target_spend"),
            )
        )
    target = show(number(decision.target_frac, "frac")).value
    return table(
        context.key("target_spend"),
        f"To {target} validation accuracy",
        columns,
        rows,
        _target_notes(context),
        optional=_OPTIONAL,
    )


def _target_notes(context: Context) -> list[str]:
    decision = context.study.decision
    notes = ["Epochs until the first evaluation at the target or above, where every run got there."]
    if decision.ask.target_frac is None:
        notes.insert(0, "Target: what every run reached; another one is given as --target 0.9.")
    if all(x.is_measured for x in decision.options):
        return notes
    if context.study.scaling == "weak":
        notes.append(
            "Weak scaling: more workers mean a larger batch, and how many epochs a batch needs "
            "that was not trained with is not known."
        )
    else:
        notes.append(
            "Strong scaling: the global batch is the same everywhere, so predicted world sizes are "
            "given the epochs of the largest measured one."
        )
    return notes


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
