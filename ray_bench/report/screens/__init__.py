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


def screens_of(results: Results, contexts: Sequence[Context]) -> tuple[Screen, ...]:
    """Return a screen for every curve; where no run can be used, one that says why."""
    if not contexts:
        return (_without_runs(results),)
    return tuple(_screen(x) for x in contexts)


def _screen(context: Context) -> Screen:
    facts = answer_facts(context.study, context.results)
    return Screen(
        name=context.name,
        context=context_words(context),
        answer=answer_of(context, facts),
        curve_title=curve_title(context),
        curve=curve_of(context),
        numbers=numbers_of(context),
        panels=panels_of(context, facts),
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
