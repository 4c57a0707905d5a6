"""The first screen of every curve: the answer, the curve with its numbers, why, and what next.

Imports what report imports.
"""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.answer import answer_facts
from ray_bench.records import Results
from ray_bench.report.context import Context
from ray_bench.report.screen import Numbers, Screen
from ray_bench.report.screens.about import context_without_runs, context_words, curve_title
from ray_bench.report.screens.answer import answer_of, answer_without_runs
from ray_bench.report.screens.numbers import numbers_of
from ray_bench.report.screens.panels import curve_of, panels_of
from ray_bench.report.sections.parity import Judged


def screens_of(
    results: Results, contexts: Sequence[Context], learnt: Sequence[Judged] = ()
) -> tuple[Screen, ...]:
    """Return a screen for every curve; where no run can be used, one that says why.

    Args:
        results: The sweep.
        contexts: Its curves.
        learnt: What is known of learning, of curves that have the same runs once; each of them
            has the verdicts of all.
    """
    if not contexts:
        return (_without_runs(results),)
    judged = {_trained(x.context): x for x in learnt}
    return tuple(_screen(x, judged.get(_trained(x))) for x in contexts)


def _trained(context: Context) -> frozenset[str]:
    return frozenset(run.run_id for run in context.study.trained)


def _screen(context: Context, learnt: Judged | None) -> Screen:
    facts = answer_facts(context.study, context.results)
    return Screen(
        name=context.name,
        context=context_words(context),
        answer=answer_of(context, facts),
        curve_title=curve_title(context),
        curve=curve_of(context),
        numbers=numbers_of(context),
        panels=panels_of(context, facts, learnt),
    )


def _without_runs(results: Results) -> Screen:
    return Screen(
        name=None,
        context=context_without_runs(results),
        answer=answer_without_runs(results),
        curve_title="Nothing was measured",
        curve=None,
        numbers=Numbers(sizes=(), quantities=()),
    )
