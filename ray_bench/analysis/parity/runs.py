"""Which runs learning is judged by: the finished ones, and those that diverged or were stopped."""

from __future__ import annotations

from ray_bench.analysis.groups import Group, group_key
from ray_bench.records import Results, RunRecord, Status

#: Results of a training that did not come to its end.
LOST: frozenset[Status] = frozenset({"diverged", "stopped"})


def runs_of(group: Group, results: Results) -> tuple[RunRecord, ...]:
    """Return a group's runs, and those that it lacks as they diverged or were stopped."""
    return (*group.runs, *(run for run in results.failed_runs if _would_belong(run, group)))


#: Of a group's key what is set before a run starts, and so is known of one that diverged.
_SET = (
    *("workload", "scaling", "batch", "precision", "memory_format", "compile", "bucket_cap"),
    *("accumulate_steps", "clip_grad_norm", "placement"),
)


def _would_belong(run: RunRecord, group: Group) -> bool:
    key = group_key(run, {})
    alone = run.point.world_size == 1  # where buckets and places mean nothing
    names = [n for n in _SET if not (alone and n in ("bucket_cap", "placement"))]
    return run.status in LOST and all(key.get(n) == group.key.get(n) for n in names)
