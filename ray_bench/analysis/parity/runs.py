"""Which runs learning is judged by: also those that no curve of speed may have.

What they learn does not depend on how fast the machine was, so runs on another host or with another
priority count, and those whose clocks disagree; so do those that diverged or were stopped.
"""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.analysis.groups import ENVIRONMENT_FIELDS, Group, group_key, idle_settings
from ray_bench.records import Results, RunRecord, Status

#: Results of a training that did not come to its end.
LOST: frozenset[Status] = frozenset({"diverged", "stopped"})

#: What changes speed alone.
_OF_SPEED = frozenset({*ENVIRONMENT_FIELDS, "gpu_names", "trainer", "device"})
#: Of a group's key what is known only of a run that came to its end.
_AT_THE_END = frozenset({"dataset", "stand-in data", "optimizer", "parameters", "strategy"})
#: Flags of runs of which it is not known what they trained on, or with whom.
_UNKNOWN = frozenset({"samples_unknown", "ranks_apart"})


def runs_of(group: Group, results: Results) -> tuple[RunRecord, ...]:
    """Return a group's runs, then the others of the sweep that trained in the same way."""
    return (*group.runs, *_others(group, results))


def _others(group: Group, results: Results) -> Iterator[RunRecord]:
    own = {run.run_id for run in (*group.runs, *group.ddp_at_one)}
    for run in results.runs:
        is_known = run.is_finished and _UNKNOWN.isdisjoint(run.flags)
        if run.run_id not in own and (is_known or run.status in LOST) and _belongs(run, group):
            yield run


def _belongs(run: RunRecord, group: Group) -> bool:
    left_out = _OF_SPEED | idle_settings(run) | (_AT_THE_END if run.status in LOST else set())
    key = group_key(run, {})
    return all(group.key.get(name) == value for name, value in key.items() if name not in left_out)
