"""The decision in words: the aim, how near one comes to it, what the next larger size gives."""

from __future__ import annotations

from ray_bench.analysis.decision.advice import Ask, Decision
from ray_bench.analysis.decision.aim import Kind as AimKind
from ray_bench.analysis.decision.options import Option
from ray_bench.analysis.resources import cost
from ray_bench.report.cells import Kind, estimate, number
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.target_words import target_words
from ray_bench.stats.estimate import Estimate

#: The aims without a limit.
AIM_WORDS: dict[AimKind, str] = {
    "balanced": "balanced (least time x money)",
    "fastest": "fastest (least time)",
    "cheapest": "cheapest (least worker-time)",
}


def aim_words(ask: Ask, currency: str) -> str:
    """Return `balanced (least time x money)`."""
    limit = ask.aim.limit or 0.0
    target = "" if ask.target is None else f" to {target_words(ask.target)}"
    words = {
        **AIM_WORDS,
        "deadline": f"deadline (least money within {_duration(limit)})",
        "budget": f"budget (least time for {limit:g} {currency} or less)",
        "efficiency": f"efficiency (least time at {limit:.0%} or more)".replace("%", " %"),
    }[ask.aim.kind]
    return f"{words}{target}"


def _duration(value_s: float) -> str:
    """Return a time that was asked for, without more digits than were asked."""
    units = ((3600, "h"), (60, "min"))
    round_ones = (x for x in units if value_s >= x[0] and (2 * value_s / x[0]).is_integer())
    size, unit = next(round_ones, (1, "s"))
    return f"{value_s / size:g} {unit}"


def closest_words(context: Context) -> str:
    """Return how close the nearest world size comes to an aim that none meets."""
    decision = context.study.decision
    allowed = [x.world_size for x in decision.options]
    allowed = [n for n in allowed if n <= (decision.ask.max_workers or n)]
    close = _closest(context, decision, allowed) if allowed else ""
    aim = aim_words(decision.ask, context.currency)
    return f"Aim: {aim}. " + (f"{close[0].upper()}{close[1:]}." if close else "")


def _closest(context: Context, decision: Decision, allowed: list[int]) -> str:
    options = [x for x in decision.options if x.world_size in allowed and decision.spend(x)]
    what = "run" if decision.ask.target is None else "way to the target"
    price = context.price_per_worker_hour
    if decision.ask.aim.kind == "deadline":
        best = min(options, key=lambda x: _time(decision, x).value)
        shown = show(estimate(_time(decision, best), "s", kind_of(best)))
        return f"the shortest {what} takes {shown} with {workers(best.world_size)}"
    if decision.ask.aim.kind == "budget" and price is not None:
        best = min(options, key=lambda x: _time(decision, x).value * x.world_size)
        money = cost(_time(decision, best).scaled(best.world_size), price)
        shown = show(estimate(money, "money", kind_of(best), context.currency))
        return f"the cheapest {what} costs {shown} with {workers(best.world_size)}"
    return ""


def _time(decision: Decision, option: Option) -> Estimate:
    spend = decision.spend(option)
    assert spend is not None, "an aim with a limit is refused without the time of a run"
    return spend.time_s


def kind_of(option: Option, measured: Kind = "measured") -> Kind:
    """Return the kind of an option's numbers."""
    return measured if option.is_measured else "predicted"


def larger_words(context: Context) -> str:
    """Return what the next larger measured world size would give."""
    study = context.study
    best = study.decision.recommended
    sizes = [x.world_size for x in study.decision.options if x.is_measured]
    after = next((n for n in sizes if best is not None and n > best), None)
    is_to_target = study.decision.ask.target is not None  # more samples/s may not be sooner
    if best is None or best not in sizes or is_to_target:
        return ""
    if after is None:
        return "That is the most that was measured."
    ratio = study.curve.ratio(after, best).estimate
    if ratio.low is not None and ratio.low > 1:
        dearer = show(number(after / best / ratio.value, "x")).value
        return (
            f"{workers(after)} are {show(estimate(ratio, 'x'))} as fast for {dearer} the "
            "worker-time."
        )
    shown = show(estimate(ratio, "x"))
    words = f"speedup {shown.value} (95 % interval {shown.interval})"
    if ratio.high is not None and ratio.high < 1:
        return f"{workers(after)} are slower: {words}."
    return f"Cannot tell {after} from {workers(best)}: {words}, and the interval contains 1."
