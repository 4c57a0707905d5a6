"""Time against cost, the Pareto front, and the world size that is recommended."""

from __future__ import annotations

from ray_bench.analysis.decision.advice import Decision
from ray_bench.analysis.decision.options import Option, Spend
from ray_bench.analysis.resources import cost
from ray_bench.report.cells import Cell, estimate
from ray_bench.report.context import Context, workers
from ray_bench.report.decision_words import aim_words, kind_of
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import interval


def front(context: Context) -> Picture | None:
    """Return what every world size takes: to the target, of a run, or else of an epoch."""
    decision = context.study.decision
    per = _per(decision)
    options = [x for x in decision.options if _spend(x, per) is not None]
    if decision.wider is None or len(options) < 2:
        return None
    if per != "target" and len(options) < len(decision.options):
        return None
    has_price = context.price_per_worker_hour is not None
    against = "cost" if has_price else "worker-time"
    rows = tuple(_row(context, x, per) for x in options)
    notes = [
        "Pareto front: no other world size is both as fast and as cheap. Bars: 95 % intervals; "
        "where a run takes longer, it costs more, too. The table has bounds beyond the frame.",
        *context.no_price,
    ]
    return Picture(
        key=context.key("front"),
        title=context.title(f"Time against {against} {_of(per)}"),
        alt=_alt(context, per, against),
        section=context.key("decision"),
        chart="front",
        rows=rows,
        notes=tuple(notes),
    )


def _per(decision: Decision) -> str:
    """Return what is taken the time of: the way to the target where one decides."""
    if decision.ask.target is not None:
        return "target"
    return "run" if all(x.run for x in decision.options) else "epoch"


def _of(per: str) -> str:
    return "to the target" if per == "target" else f"per {per}"


def _spend(option: Option, per: str) -> Spend | None:
    return {"target": option.target, "run": option.run, "epoch": option.epoch}[per]


def _row(context: Context, option: Option, per: str) -> dict[str, Datum]:
    decision = context.study.decision
    time, other = _cells(context, option, per)
    name = "worker_s" if context.price_per_worker_hour is None else "cost"
    row = {
        "world_size": option.world_size,
        "kind": time.kind,
        "per": per,
        "basis": "measured" if option.is_measured else "predicted",
        "is_front": any(x.world_size == option.world_size for x in decision.front),
        "is_recommended": option.world_size == decision.recommended,
        **interval("time_s", time),
        **interval(name, other),
    }
    return {**row, "currency": context.currency} if name == "cost" else row


def _cells(context: Context, option: Option, per: str) -> tuple[Cell, Cell]:
    """Return time, and what is paid for it, as the tables have them."""
    spend = _spend(option, per)
    assert spend is not None, "a picture is made where every option has a time"
    # Scaled to other epochs, the time of a run is derived.
    is_scaled = context.study.decision.ask.epochs is not None
    kind = kind_of(option, "measured" if per != "epoch" and not is_scaled else "derived")
    time = estimate(spend.time_s, "s", kind)
    if context.price_per_worker_hour is None:
        return time, estimate(spend.worker_s, "worker_s", kind)
    money = cost(spend.worker_s, context.price_per_worker_hour)
    return time, estimate(money, "money", kind_of(option, "derived"), context.currency)


def _alt(context: Context, per: str, against: str) -> str:
    decision = context.study.decision
    words = f"Time against {against} {_of(per)}. "
    parts = []
    for option in decision.options:
        if option.is_measured and _spend(option, per) is not None:
            time, other = (show(x).value for x in _cells(context, option, per))
            parts.append(f"{workers(option.world_size)} {time} for {other}")
    words += f"Measured: {'; '.join(parts)}."
    if decision.recommended is None:
        return f"{words} None is recommended."
    aim = aim_words(decision.ask, context.currency)
    return f"{words} Recommended for the aim {aim}: {workers(decision.recommended)}."
