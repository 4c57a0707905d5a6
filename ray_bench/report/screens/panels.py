"""The curve, and the pictures below it that say why: losses, money, accuracy."""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.analysis.answer import AnswerFacts
from ray_bench.analysis.decision.options import Spend
from ray_bench.report.accuracy_words import accuracy_row, accuracy_title, ruled_out
from ray_bench.report.context import Context, workers
from ray_bench.report.picture import Picture
from ray_bench.report.pictures import accuracy, decision, scaling, waterfall
from ray_bench.report.remedies import remedy_words
from ray_bench.report.screen import Panel
from ray_bench.report.screens.limit import limit_title
from ray_bench.report.sections.parity import Judged, quality_words


def curve_of(context: Context) -> Picture | None:
    """Return the speedup curve."""
    return scaling.speedup(context)


def panels_of(
    context: Context, facts: AnswerFacts, learnt: Judged | None = None
) -> tuple[Panel, ...]:
    """Return the panels that there is something for.

    Args:
        context: The curve.
        facts: Its answer.
        learnt: Verdicts on its final quality, where there are several seeds.
    """
    return tuple(_panels(context, facts, learnt))


def _panels(context: Context, facts: AnswerFacts, learnt: Judged | None) -> Iterator[Panel]:
    losses = waterfall.waterfall(context)
    if losses is not None:
        yield Panel(
            key="losses",
            ask="Where the efficiency goes",
            title=limit_title(facts.limit),
            picture=losses,
            says="" if facts.limit.loss is None else remedy_words(context, facts.limit.loss),
        )
    front = decision.front(context)
    if front is not None:
        yield Panel(
            key="front",
            ask=_against(context),
            title=_front_title(context),
            picture=front,
            says=_front_says(context),
        )
    learning = accuracy.kept(context)
    row = accuracy_row(context)
    if learning is not None and row is not None:
        verdicts = () if learnt is None else quality_words(learnt)
        yield Panel(
            key="accuracy",
            ask=f"Accuracy against {workers(context.study.baseline)}, points",
            title=verdicts[0] if verdicts else accuracy_title(context, row),
            picture=learning,
            says=" ".join(f"{x}." for x in verdicts[1:]) if verdicts else ruled_out(context, row),
        )


def _against(context: Context) -> str:
    has_price = context.price_per_worker_hour is not None
    return "Time against money" if has_price else "Time against worker-time"


def _front_title(context: Context) -> str:
    """Return `4 workers: 71 % less time for 15 % more money`."""
    decision = context.study.decision
    best, base = decision.recommended, context.study.baseline
    one, other = (_spent(context, n) for n in (best, base))
    if best in (None, base) or one is None or other is None:
        is_best = [x.world_size for x in decision.front] == [base]
        rest = "no other is faster" if is_best else "more take less time"
        return f"{workers(base)} cost{'s' * (base == 1)} least, {rest}"
    less = 1 - one.time_s.value / other.time_s.value
    more = one.worker_s.value / other.worker_s.value - 1
    what = "money" if context.price_per_worker_hour is not None else "worker-time"
    return f"{workers(best or 0)}: {_change(less, 'less')} time for {_change(-more, 'less')} {what}"


def _spent(context: Context, size: int | None) -> Spend | None:
    option = context.study.decision.option(size)
    return None if option is None else context.study.decision.spend(option) or option.epoch


def _change(share: float, word: str) -> str:
    other = "more" if word == "less" else "less"
    shown = f"{100 * abs(share):.0f} %"
    return f"{shown} {word if share >= 0 else other}"


def _front_says(context: Context) -> str:
    words = "Bars lean because what takes longer costs more, too."
    decision = context.study.decision
    on = {x.world_size for x in decision.front}
    off = [x.world_size for x in decision.options if decision.spend(x) and x.world_size not in on]
    if not off:
        return f"{words} All sizes are on the front: none is both slower and dearer than another."
    return f"{words} Beaten in both by another: {', '.join(map(str, off))} workers."
