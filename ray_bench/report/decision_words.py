"""The decision in words: the aim, how surely it is met, and what to measure next."""

from __future__ import annotations

from ray_bench.analysis.decision.advice import Ask, Decision
from ray_bench.analysis.decision.choose import Choice
from ray_bench.analysis.decision.options import Option
from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.resources import cost
from ray_bench.report.cells import Kind, estimate, number
from ray_bench.report.context import Context, room_of, workers
from ray_bench.report.format import seconds, show

#: Beyond that, a probability from so many draws is not told from certainty.
_SURE = 0.999


def aim_words(ask: Ask, currency: str) -> str:
    """Return `balanced (least time x money)`."""
    limit = ask.aim.limit or 0.0
    target = "" if ask.target_frac is None else f" to {100 * ask.target_frac:g} % accuracy"
    words = {
        "fastest": "fastest (least time)",
        "cheapest": "cheapest (least worker-time)",
        "balanced": "balanced (least time x money)",
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


def probability(value: float) -> str:
    """Return `97.3 %`, or `above 99.9 %` where draws cannot tell it from certainty."""
    if value > _SURE:
        return "above 99.9 %"
    if value < 1 - _SURE:
        return "below 0.1 %"
    return f"{100 * value:.1f} %"


def sure_words(context: Context) -> str:
    """Return the aim, the probability of the recommendation, and the runner-up."""
    decision = context.study.decision
    choice = decision.choice
    if choice is None or choice.best is None:
        return ""
    words = f"Aim: {aim_words(decision.ask, context.currency)}. "
    if decision.is_predicted and decision.ask.max_workers is None:
        words += "No measured world size meets it. "
    measured = {x.world_size for x in decision.options if x.is_measured}
    among = "measured" if set(choice.sizes) <= measured else "measured and predicted"
    words += f"Right among the {among} world sizes with probability "
    words += probability(choice.probability)
    if choice.meets is not None:
        words += f", within the limit with probability {probability(choice.meets)}"
    words += _runner_up(choice)
    if choice.none_share > 1 - _SURE:
        words += f"; none meets it with probability {probability(choice.none_share)}"
    return f"{words}."


def _runner_up(choice: Choice) -> str:
    if choice.runner_up is None:
        return ""
    return f"; runner-up {workers(choice.runner_up)}, {probability(choice.share(choice.runner_up))}"


def spend_words(context: Context) -> str:
    """Return what a run takes with the recommended workers and with the runner-up."""
    decision = context.study.decision
    other = None if decision.choice is None else decision.choice.runner_up
    found = [_run_words(context, decision.option(n)) for n in (decision.recommended, other)]
    parts = [words for words in found if words]
    what = "A run" if decision.ask.target_frac is None else "The target"
    return f"{what} takes {', and '.join(parts)}." if parts else ""


def _run_words(context: Context, option: Option | None) -> str:
    spend = None if option is None else context.study.decision.spend(option)
    if option is None or spend is None:
        return ""
    kind = kind_of(option)
    words = f"{show(estimate(spend.time_s, 's', kind))} with {workers(option.world_size)}"
    money = cost(spend.worker_s, context.price_per_worker_hour)
    if money is None:
        return words
    kind = kind_of(option, "derived")
    return f"{words} for {show(estimate(money, 'money', kind, context.currency))}"


def beyond_words(context: Context) -> str:
    """Return how likely a predicted world size serves the aim better; empty where none would."""
    decision = context.study.decision
    wider = decision.wider
    if decision.better_beyond is None or wider is None:
        return ""
    measured = {x.world_size for x in decision.options if x.is_measured}
    shares = {n: wider.share(n) for n in wider.sizes if n not in measured}
    likeliest = max(shares, key=lambda n: shares[n])
    return (
        "By the forecast, a world size that was not measured would serve the aim better with "
        f"probability {probability(sum(shares.values()))}; likeliest {workers(likeliest)}, "
        f"{probability(shares[likeliest])}."
    )


def next_words(context: Context) -> str:
    """Return which measurement is worth most, and what it could change."""
    decision = context.study.decision
    found = decision.next_run
    if decision.wider is None:
        return ""
    if found is None:
        return (
            "Next measurement: none is likely to change the decision. One more run at any of these "
            "world sizes raises the probability of the right choice by less than 1 point."
        )
    took = "" if found.seconds is None else f", about {seconds(found.seconds)}"
    turn = _turn(found.alternative, decision.recommended)
    return (
        f"Next measurement most worth its cost: one run with {workers(found.world_size)}{took}. It "
        "is expected to raise the probability of the right choice among all world sizes by "
        f"{_points(found.gain)}.{turn}{_no_room(context, found.world_size)}"
    )


def _no_room(context: Context, size: int) -> str:
    """Return that the nodes of this sweep are too few for a measurement, where they are known."""
    room = room_of(context)
    if room is None or size <= room:
        return ""
    return f" The nodes of this sweep have room for {workers(room)}: it needs more of them."


def _turn(alternative: int | None, recommended: int | None) -> str:
    """Return what a measurement could change; the forecast's choice may be another one."""
    if alternative is None:
        return ""
    if alternative == recommended:
        return f" It may show, against the forecast, that the choice stays {workers(alternative)}."
    return f" It may turn the choice to {alternative}."


def _points(gain: float) -> str:
    count = round(100 * gain)
    return f"{count} point" if count == 1 else f"{count} points"


def unreachable_words(context: Context) -> str:
    """Return that no world size meets the aim, and how close one comes."""
    decision = context.study.decision
    sizes = [x.world_size for x in decision.options]
    allowed = [n for n in sizes if n <= (decision.ask.max_workers or n)]
    if not allowed:
        return f"Cannot say how many workers to use: {workers(min(sizes))} is the least measured."
    words = (
        f"No world size up to {workers(max(allowed))} meets the aim "
        f"{aim_words(decision.ask, context.currency)}"
    )
    close = _closest(context, decision, allowed)
    return f"{words}: {close}." if close else f"{words}."


def _closest(context: Context, decision: Decision, allowed: list[int]) -> str:
    options = [x for x in decision.options if x.world_size in allowed and decision.spend(x)]
    what = "run" if decision.ask.target_frac is None else "way to the target"
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
    if best is None or best not in sizes:
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
