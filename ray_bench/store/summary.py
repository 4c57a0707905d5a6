"""What is known of every sweep at a glance, without reading what its runs measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from ray_bench.records import SweepRecord
from ray_bench.store.answers import AnswerRecord, basis_of
from ray_bench.store.labels import Labels

#: The last three only somebody can tell who looks at more than what is stored of the runs.
State = Literal["finished", "failed", "unfinished", "running", "stopped", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSummary:
    """One sweep in a list.

    Attributes:
        workload: as the configuration names it; None where it cannot be read.
        world_sizes: ascending.
        num_planned: runs that were asked for, those included that a stop rule added.
        num_done: runs that finished.
        num_failed: runs whose newest attempt failed, or was interrupted.
        num_ended: runs that diverged or were stopped as hopeless: results, though not finished.
        labels: what people call it.
        answer: what its last report said; None where no report was written.
        is_answer_current: whether it is of the runs that are there now.
        state: finished: all runs have a result; failed: all have ended, some failed;
            unfinished: some have left no record.
    """

    sweep_id: str
    created_at_utc: datetime
    workload: str | None
    world_sizes: tuple[int, ...]
    num_planned: int
    num_done: int
    num_failed: int
    num_ended: int = 0
    labels: Labels = field(default_factory=Labels)
    answer: AnswerRecord | None = None
    is_answer_current: bool = False

    @property
    def state(self) -> State:
        """How far the sweep is."""
        if self.num_done + self.num_ended + self.num_failed < self.num_planned:
            return "unfinished"
        return "failed" if self.num_failed else "finished"


def summarised(
    sweeps: Iterable[SweepRecord],
    runs: Iterable[Mapping[str, Any]],
    labels: Mapping[str, Labels],
    answers: Mapping[str, AnswerRecord],
) -> list[SweepSummary]:
    """Return a summary of every sweep, in their order.

    Args:
        sweeps: what was asked for.
        runs: of every attempt `sweep_id`, `run_id`, `attempt`, `status` and `world_size`.
        labels: by sweep.
        answers: by sweep.
    """
    newest: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in runs:
        found = newest.setdefault(row["sweep_id"], {})
        before = found.get(row["run_id"])
        if before is None or row["attempt"] > before["attempt"]:
            found[row["run_id"]] = row
    return [
        _summary(
            sweep,
            newest.get(sweep.sweep_id, {}),
            labels.get(sweep.sweep_id, Labels()),
            answers.get(sweep.sweep_id),
        )
        for sweep in sweeps
    ]


def _summary(
    sweep: SweepRecord,
    runs: Mapping[str, Mapping[str, Any]],
    labels: Labels,
    answer: AnswerRecord | None,
) -> SweepSummary:
    workload, world_sizes = _asked(sweep.config_json)
    num_done = sum(row["status"] == "ok" for row in runs.values())
    num_ended = sum(row["status"] in ("diverged", "stopped") for row in runs.values())
    return SweepSummary(
        sweep_id=sweep.sweep_id,
        created_at_utc=sweep.created_at_utc,
        workload=workload or next((row["workload"] for row in runs.values()), None),
        world_sizes=world_sizes or tuple(sorted({row["world_size"] for row in runs.values()})),
        num_planned=len({*sweep.run_ids, *runs}),
        num_done=num_done,
        num_failed=len(runs) - num_done - num_ended,
        num_ended=num_ended,
        labels=labels,
        answer=answer,
        is_answer_current=answer is not None and answer.basis == _basis(runs),
    )


def _basis(runs: Mapping[str, Mapping[str, Any]]) -> str:
    return basis_of((row["run_id"], row["attempt"], row["status"]) for row in runs.values())


@lru_cache(maxsize=1024)  # sweeps are often repeated
def _asked(config_json: str) -> tuple[str | None, tuple[int, ...]]:
    """Return workload and world sizes of a configuration, of whatever version."""
    try:
        config = json.loads(config_json)
    except (ValueError, RecursionError):
        return None, ()
    if not isinstance(config, dict):
        return None, ()
    workload, sizes = config.get("workload"), config.get("world_sizes")
    known = {x for x in sizes if isinstance(x, int)} if isinstance(sizes, list) else set()
    return workload if isinstance(workload, str) else None, tuple(sorted(known))


def values_of(summary: SweepSummary) -> dict[str, Any]:
    """Return a summary as plain values, as `ray-bench list --format json` and the service do."""
    return {
        "sweep_id": summary.sweep_id,
        "name": summary.labels.name,
        "tags": list(summary.labels.tags),
        "note": summary.labels.note,
        "created_at_utc": summary.created_at_utc.isoformat(),
        "workload": summary.workload,
        "hardware": None if summary.answer is None else summary.answer.hardware,
        "world_sizes": list(summary.world_sizes),
        "num_planned": summary.num_planned,
        "num_done": summary.num_done,
        "num_failed": summary.num_failed,
        "num_ended": summary.num_ended,
        "state": summary.state,
        "answer": None if summary.answer is None else _answer(summary.answer, summary),
    }


def _answer(answer: AnswerRecord, summary: SweepSummary) -> dict[str, Any]:
    return {
        "lead": answer.lead,
        "world_size": answer.world_size,
        "figures": json.loads(answer.figures_json),
        "num_caveats": answer.num_caveats,
        "is_current": summary.is_answer_current,
        "made_at_utc": answer.made_at_utc.isoformat(),
        "ray_bench_version": answer.ray_bench_version,
    }
