"""The answer in words, from its facts."""

from __future__ import annotations

from collections.abc import Callable

from ray_bench.analysis.answer import (
    LIKELY_FRAC,
    NAMED_FRAC,
    SURE_FRAC,
    AnswerFacts,
    Sureness,
    failed_sizes,
)
from ray_bench.analysis.caveats import sweep_caveats
from ray_bench.analysis.decision.advice import Reason
from ray_bench.analysis.parity.asked import complaint, configured_target
from ray_bench.analysis.parity.runs import LOST
from ray_bench.records import Results
from ray_bench.report.cells import Cell, estimate, number
from ray_bench.report.context import Context, rule_words, workers
from ray_bench.report.decision_words import aim_words, closest_words, larger_words
from ray_bench.report.failure_words import ended
from ray_bench.report.format import show
from ray_bench.report.screen import Answer, Caveat
from ray_bench.report.screens.caveats import caveats_of
from ray_bench.report.screens.limit import limit_words
from ray_bench.report.screens.next_step import next_of, step_without_runs
from ray_bench.report.script_words import SAID_FIRST, is_of_scripts, script_warnings
from ray_bench.report.target_words import choice_words, gain_words

_HOW = {
    Sureness.SURE: "Use {}",
    Sureness.LIKELY: "Likely {}",
    Sureness.PROBABLE: "Probably {}",
}
#: Shares that differ by less are about even.
_EVEN_FRAC = 0.10


def answer_of(context: Context, facts: AnswerFacts) -> Answer:
    """Return the answer of one curve."""
    has_answer = facts.world_size is not None
    return Answer(
        lead=_lead(facts) if has_answer else _NO_LEAD[facts.reason](context),
        gain=_gain(facts) if has_answer else None,
        world_size=facts.world_size,
        why=_why(context, facts) if has_answer else _no_why(context, facts),
        limit=limit_words(context, facts.limit),
        target=_target(facts),
        caveats=_caveats(context, facts),
        next=next_of(context, facts),
    )


def answer_without_runs(results: Results) -> Answer:
    """Return the answer where no run can be used."""
    return Answer(
        lead=_failed_lead(results) if failed_sizes(results) else "No answer: no run can be used",
        gain=None,
        world_size=None,
        why=_outcome(results),
        caveats=caveats_of(tuple(sweep_caveats(results)), of_a_script=is_of_scripts(results)),
        next=step_without_runs(results),
    )


def _target(facts: AnswerFacts) -> tuple[str, ...]:
    """Return the headline of a target that was asked for: speed, time to it, and cost."""
    return tuple(gain_words(facts.to_target, also=facts.world_size))


def _caveats(context: Context, facts: AnswerFacts) -> tuple[Caveat, ...]:
    of_a_script = is_of_scripts(context.results)
    told = [words for key, words in script_warnings(context.study) if key in SAID_FIRST]
    notes = [Caveat(level="note", head="A script as it is.", text=" ".join(told), fold="method")]
    return (
        *caveats_of(facts.caveats, of_a_script=of_a_script),
        *(notes if told else ()),
        *_unjudged(context),
    )


def _unjudged(context: Context) -> tuple[Caveat, ...]:
    """Return why the sweep's own target does not count."""
    target = configured_target(context.results)
    unknown = None if target is None else complaint(context.results, target)
    if unknown is None or context.study.decision.ask.target is not None:
        return ()
    return (Caveat(level="warn", head="The target is not judged.", text=unknown),)


def _outcome(results: Results) -> str:
    invalid, missing = len(results.ok_runs), len(results.missing_run_ids)
    found = [(count, words) for words, count in ended(results.failed_runs).items()]
    found += [(invalid, "invalid"), (missing, "missing")]
    return f"No valid run finished: {', '.join(f'{n} {words}' for n, words in found)}."


def _lead(facts: AnswerFacts) -> str:
    best = facts.world_size or 0
    how = _HOW[facts.sureness].format(workers(best)) + _rule_words(facts, best)
    if facts.is_for_now:
        how += " for now"
    if facts.speedup is None or facts.compared is None:
        return how
    shown = show(estimate(facts.speedup, "x")).value
    if facts.to_target is not None:
        if facts.compared != best:
            other = f"{facts.compared}{_rule_words(facts, facts.compared)}"
            return f"{how}: {other} reach the target {shown} as fast"
        return f"{how}: target reached {shown} as fast{', by forecast' * facts.is_predicted}"
    if facts.compared == best:
        end = ", by forecast" if facts.is_predicted else ""
        return f"{how}: {shown} as fast as {_few(facts.baseline)}{end}"
    if facts.speedup.value < 1:
        return f"{how}: {facts.compared} are slower, {shown} as fast"
    return f"{how}: {facts.compared} are only {shown} as fast"


def _rule_words(facts: AnswerFacts, size: int) -> str:
    """Return ` with linear (soonest of 3 rules)` where these runs chose the rule, else nothing."""
    row = None if facts.to_target is None else facts.to_target.row(size)
    choice = None if row is None else choice_words(row)
    return "" if row is None or choice is None else f" with {rule_words(row.lr_rule)} ({choice})"


def _few(count: int) -> str:
    return "one" if count == 1 else workers(count)


def _gain(facts: AnswerFacts) -> Cell | None:
    if facts.speedup is None:
        return None
    return estimate(facts.speedup, "x", "predicted" if facts.is_predicted else "measured")


def _why(context: Context, facts: AnswerFacts) -> str:
    """Return how sure the choice is, and whether others are likelier best."""
    words = [_own_words(context, facts), larger_words(context), _beyond_words(facts)]
    return " ".join(x for x in words if x)


def _own_words(context: Context, facts: AnswerFacts) -> str:
    aim = aim_words(context.study.decision.ask, context.currency)
    among = "all sizes" if facts.is_predicted else "the sizes measured"
    words = ""
    if context.study.decision.ask.max_workers is None and facts.is_predicted:
        words = "No measured size meets the aim. "
    shown = share_words(facts.probability or 0.0)
    words += f"{_adverb(facts.probability or 0.0)} right among {among} ({shown}), for the aim {aim}"
    if facts.meets is not None:
        words += f"; it meets the limit with {share_words(facts.meets)}"
    if facts.none_frac >= 0.01:
        words += f"; none meets it with {share_words(facts.none_frac)}"
    if facts.runner_up is not None and facts.sureness is not Sureness.SURE:
        words += f"; else {facts.runner_up}"
    return f"{words}."


def _beyond_words(facts: AnswerFacts) -> str:
    """Return which sizes that were not measured are likelier best: `More is likely better: ...`."""
    if not facts.is_for_now:
        return ""
    named = [x for x in facts.beyond if x.share >= NAMED_FRAC] or list(facts.beyond[:1])
    best = facts.world_size or 0
    sizes = sorted(x.world_size for x in named)
    what = "More" if sizes[0] > best else "Fewer" if sizes[-1] < best else "Another number"
    words = f"{what} {_verb(facts.beyond_frac)} better: {_or(sizes)}"
    if set(sizes) & set(facts.without_claim):
        words += ", on a host with a core or GPU for each"
    if len(named) == 1:
        return f"{words}."
    if named[0].share - named[-1].share < _EVEN_FRAC:
        return f"{words}, about evenly."
    return f"{words}, most likely {named[0].world_size} ({share_words(named[0].share)})."


def _or(sizes: list[int]) -> str:
    *head, last = [str(n) for n in sizes]
    return f"{', '.join(head)} or {last}" if head else last


def _adverb(share: float) -> str:
    if share > SURE_FRAC:
        return "Very likely"
    return "Likely" if share >= LIKELY_FRAC else "Probably"


def _verb(share: float) -> str:
    if share > 0.5:
        return f"is {_adverb(share).lower()}"
    return "may be"


def share_words(share: float) -> str:
    """Return a probability from draws: no more digits than they tell."""
    return show(number(share, "prob")).value


def _no_why(context: Context, facts: AnswerFacts) -> str:
    if facts.reason is Reason.UNREACHABLE:
        return closest_words(context)
    return _NO_WHY.get(facts.reason, "")


_NO_WHY = {
    Reason.OVERSUBSCRIBED: "Runs with more ranks than cores or GPUs say nothing about scaling.",
    Reason.NO_INTERVAL: "Without an interval a difference may be chance.",
    Reason.NOTHING_MEASURED: "Every run ended before its speed had settled.",
    Reason.NO_PRICE: "Give --price 1.5, or --price-of one that `ray-bench prices` lists.",
    Reason.NO_RUN_TIME: (
        "Its number of epochs is not known. Give --epochs 90 for the run that you plan; the size "
        "of the data set has to be in the results."
    ),
    Reason.ONE_WORLD_SIZE: "A second size says what more workers buy.",
    Reason.NO_TARGET: "Not every run of any size reached it. Give a lower --target, or measure "
    "more epochs.",
}


def _one_size_lead(context: Context) -> str:
    results = context.results
    if failed_sizes(results):
        return _failed_lead(results)
    if results.missing_run_ids:
        return "No answer yet: the sweep was interrupted"
    size = one_size(context)
    return f"One point is no curve: measure {workers(2 if size == 1 else 1)}"


def one_size(context: Context) -> int:
    """Return the only world size that carries a claim."""
    clean = [n for n in context.study.clean_sizes if n in context.study.throughput]
    return clean[0] if clean else context.study.baseline


def _failed_lead(results: Results) -> str:
    """Return `No answer: 4 workers ran out of memory`."""
    sizes = failed_sizes(results)
    lost = [run for run in results.failed_runs if run.point.world_size in sizes]
    types, statuses = {run.error_type for run in lost}, {run.status for run in lost}
    what = "ran out of memory" if types == {"OutOfMemory"} else "failed"
    if statuses <= LOST:
        what = "diverged" if statuses == {"diverged"} else "diverged or were stopped"
    return f"No answer: {_or(list(sizes))} worker{'s' * (sizes != (1,))} {what}"


_NO_LEAD: dict[Reason, Callable[[Context], str]] = {
    Reason.UNREACHABLE: lambda _: "No number of workers meets this aim",
    Reason.ONE_WORLD_SIZE: _one_size_lead,
    Reason.NO_INTERVAL: lambda _: "No answer yet: too few runs for an interval",
    Reason.OVERSUBSCRIBED: lambda _: "No answer: more workers than cores or GPUs",
    Reason.NOTHING_MEASURED: lambda _: "No answer: no run was long enough to time",
    Reason.NO_PRICE: lambda _: "No answer: a budget needs a price",
    Reason.NO_RUN_TIME: lambda _: "No answer: how long a run takes is unknown",
    Reason.NO_TARGET: lambda _: "No answer: no size is known to reach the target",
}
