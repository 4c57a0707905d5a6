"""The sections of a report, in the order in which they are read.

Imports what report imports.
"""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.records import Results
from ray_bench.report.cells import Section
from ray_bench.report.context import Context
from ray_bench.report.sections import (
    accuracy,
    advice,
    decision,
    needs,
    network,
    nodes,
    parity,
    phases,
    predictions,
    record,
    resources,
    scaling,
    settings,
    times,
    waterfall,
)

_OF_A_GROUP = (
    advice.findings_section,
    decision.section,
    scaling.section,
    times.section,
    waterfall.section,
    predictions.section,
    phases.section,
    resources.section,
    accuracy.section,
    needs.section,
    advice.usage_section,
)


def all_sections(
    results: Results, contexts: Sequence[Context], lost: tuple[Section, ...] = ()
) -> tuple[Section, ...]:
    """Return failures, every group's sections, settings, nodes, the network, how it was measured.

    Args:
        results: A sweep.
        contexts: Its groups.
        lost: What its faults cost.
    """
    of_groups = [make(context) for context in contexts for make in _OF_A_GROUP]
    links = network.sections(results.network)
    same_model = parity.sections(contexts)
    varied = (*same_model, *settings.sections(contexts), *nodes.sections(results, contexts))
    measured = (*lost, *record.how_measured(results))
    return (*record.failures(results), *of_groups, *varied, *links, *measured)


def sections_without_runs(results: Results, lost: tuple[Section, ...] = ()) -> tuple[Section, ...]:
    """Return what can be said where no run can be used."""
    links = network.sections(results.network)
    return (*record.failures(results), *links, *lost, *record.how_measured(results))
