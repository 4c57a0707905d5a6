"""What a run, an epoch, and training to a target take at every world size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ray_bench.analysis.decision.options import Option, Spend
from ray_bench.analysis.resources import cost
from ray_bench.report.cells import (
    Cell,
    Kind,
    Table,
    asked,
    estimate,
    log_estimate,
    number,
    table,
    text,
)
from ray_bench.report.context import Context, workers
from ray_bench.report.decision_words import kind_of
from ray_bench.report.format import show

_SPEND = {
    "world_size": "Workers",
    "basis": "Basis",
    "time": "Time",
    "worker_time": "Worker-time",
    "cost": "Cost",
    "energy": "Energy",
}
_OPTIONAL = ("cost", "energy")


def spend_tables(context: Context) -> list[Table]:
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
    return asked(option.world_size), text(basis(option))


def _spend_cells(
    context: Context, spend: Spend | None, option: Option, key: str
) -> tuple[Cell, ...]:
    kind = time_kind(context, option) if key == "run_spend" else kind_of(option, "derived")
    return (
        estimate(spend.time_s if spend else None, "s", kind),
        estimate(spend.worker_s if spend else None, "worker_s", kind),
        money(context, spend, option),
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


def basis(option: Option) -> str:
    """Return whether a world size was measured, in words."""
    if option.is_measured:
        return "measured"
    return "predicted, unknown link" if option.crosses_boundary else "predicted"


def time_kind(context: Context, option: Option) -> Kind:
    """Return the kind of a run's time: scaled to other epochs, it is derived."""
    is_scaled = context.study.decision.ask.epochs is not None
    return kind_of(option, "derived" if is_scaled else "measured")


def money(context: Context, spend: Spend | None, option: Option) -> Cell:
    """Return what it costs, with the price of the report."""
    spent = cost(spend.worker_s if spend else None, context.price_per_worker_hour)
    return estimate(spent, "money", kind_of(option, "derived"), context.currency)
