"""Inside a step: its phases at every world size, and what is timed beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.phases import PhaseSplit
from ray_bench.analysis.stragglers import MIN_LAG_FRAC, RankLag
from ray_bench.analysis.sync import SyncSplit
from ray_bench.analysis.times import mean
from ray_bench.records import PHASES, RunRecord
from ray_bench.report.cells import Section, Table, number, table
from ray_bench.report.context import Context, workers
from ray_bench.report.fields import Crossed, Field, crossed_table, rows_table, with_column
from ray_bench.report.format import show
from ray_bench.stats.estimate import Estimate

_NONE = "No phases were sampled. Set measure.phase_steps=20."
_TOTAL = "step"
_NAMES = {
    "data_wait": "Waiting for data",
    "skew_wait": "Waiting for slow ranks",
    "exposed_comm": "Transfer not hidden",
    _TOTAL: "Step",
}


def phase_name(phase: str) -> str:
    """Return a phase in words that people use."""
    words = phase.replace("_", " ")
    return _NAMES.get(phase, f"{words[:1].upper()}{words[1:]}")


def section(context: Context) -> Section:
    """Return the phases of a step, and what is beside them."""
    tables = (_phases(context), _beside(context))
    return Section(context.key("phases"), context.title("Inside a step"), tables=tables)


def says(context: Context) -> str:
    """Return the main number: what share the largest phases have."""
    splits = context.study.phases
    if not splits:
        return "no phases were sampled"
    last = splits[-1]
    compute = last.share("forward") + last.share("backward")
    shown = show(number(compute, "frac")).value
    return f"Forward and backward are {shown} of it at {workers(last.world_size)}"


def _phases(context: Context) -> Table:
    splits = context.study.phases
    title = "Time of a step by phase"
    if not splits:
        return table(context.key("phases"), title, {"phase": "Phase"}, [], [_NONE])
    seen = dict.fromkeys(name for x in splits for name in x.step)
    names = [*(x for x in PHASES if x in seen), *(x for x in seen if x not in PHASES), _TOTAL]
    titles = {phase_name(x): x for x in names}

    def seconds(name: str) -> tuple[Field[PhaseSplit], ...]:
        return (Field("step", "Step", "s", "measured", lambda x: _step(x, titles[name])),)

    groups = [Crossed(str(x.world_size), workers(x.world_size), x) for x in splits]
    notes = [
        "From a separate pass with hooks, mean over ranks, sampled steps and runs; intervals: t, "
        "from the spread between runs, where there are several. Waiting for slow ranks: for the "
        "slowest one. Transfer not hidden: what the backward pass does not hide. The phases add up "
        "to the step.",
        *_mismatches(context),
    ]
    made = crossed_table(context.key("phases"), title, "Phase", [*titles], groups, seconds, notes)
    last = splits[-1]
    share: Field[str] = Field(
        "share", f"Share at {last.world_size}", "frac", "measured",
        lambda name: _share(last, titles[name]),
    )  # fmt: skip
    return with_column(made, share, [*titles])


def _step(split: PhaseSplit, phase: str) -> Estimate | None:
    return split.total if phase == _TOTAL else split.step.get(phase)


def _share(split: PhaseSplit, phase: str) -> float | None:
    if phase == _TOTAL:
        return 1.0
    return split.share(phase) if phase in split.step else None


def _mismatches(context: Context) -> Iterator[str]:
    """Warn where the phase pass ran at another speed than the throughput pass."""
    times = {row.world_size: row.iteration for row in context.study.times}
    for split in context.study.phases:
        iteration = times.get(split.world_size)
        if iteration is not None and split.differs_from(iteration.estimate.value):
            ours, theirs = (
                show(number(x, "s")).value for x in (split.total_s, iteration.estimate.value)
            )
            yield (
                f"Warning: at {workers(split.world_size)} a step takes {ours} in the phase pass "
                f"but {theirs} in the throughput pass; the split may not hold for the latter."
            )


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is known of a world size beside its phases."""

    world_size: int
    sync: SyncSplit | None
    eval_s: float | None
    checkpoint_s: float | None
    saving_s: float | None


def _saving_s(item: _Beside) -> float | None:
    return item.saving_s


def _beside(context: Context) -> Table:
    syncs = {x.world_size: x for x in context.study.syncs}
    epochs = split_by_run(context.results.epochs)
    items = [
        _Beside(
            n,
            syncs.get(n),
            mean(mean(_evaluations_s(run, epochs)) for run in context.study.runs_at(n)),
            mean(run.checkpoint_s for run in context.study.runs_at(n)),
            mean(run.saving_s for run in context.study.runs_at(n)),
        )
        for n in context.study.group.world_sizes
    ]
    fields: tuple[Field[_Beside], ...] = (
        Field("world_size", "Workers", "count", None, lambda x: x.world_size),
        Field(
            "total",
            "Synchronisation",
            "s",
            "measured",
            lambda x: None if x.sync is None else x.sync.total,
        ),
        Field(
            "hidden",
            "Hidden",
            "frac",
            "measured",
            lambda x: None if x.sync is None else x.sync.hidden_frac,
        ),
        Field(
            "contention",
            "Contention",
            "s",
            "measured",
            lambda x: None if x.sync is None else x.sync.contention,
        ),
        Field("eval", "One evaluation", "s", "measured", lambda x: x.eval_s),
        Field("checkpoint", "One checkpoint", "s", "measured", lambda x: x.checkpoint_s),
    )
    if any(item.saving_s is not None for item in items):
        saving = Field("saving", "All checkpoints of a run", "s", "measured", _saving_s)
        fields = (*fields, saving)
    notes = [
        "Synchronisation: while any gradient bucket is under way, per step; hidden: by computation."
        " Contention: by how much steps with synchronisation are slower than those without beyond "
        "what is not hidden; one whose interval contains 0 is not seen. Evaluation and checkpoint "
        "are no part of a step. Means over runs."
    ]
    return rows_table(context.key("sync"), "Beside the phases", fields, items, notes)


def slow_ranks_table(context: Context) -> Table | None:
    """Return the ranks that are surely slower than the others; None where there is none."""
    items = [(n, lag) for n, lags in context.study.lags.items() for lag in lags]
    if not items:
        return None
    fields: tuple[Field[tuple[int, RankLag]], ...] = (
        Field("world_size", "Workers", "count", None, lambda x: x[0]),
        Field("rank", "Rank", "count", None, lambda x: x[1].rank),
        Field("phase", "Mostly in", None, None, lambda x: phase_name(x[1].phase)),
        Field("behind", "Slower by, per step", "s", "measured", lambda x: x[1].seconds),
    )
    notes = [
        f"Ranks that take at least {MIN_LAG_FRAC * 100:g} % longer than the median of the others "
        "for data, forward, loss and backward, and surely so; the others wait as long."
    ]
    return rows_table(context.key("slow_ranks"), "Slow ranks", fields, items, notes)


def _evaluations_s(
    run: RunRecord, epochs: Mapping[str, Mapping[str, np.ndarray]]
) -> Iterator[float]:
    """Yield the seconds of a run's evaluations, which not every epoch has."""
    found = epochs.get(run.run_id, {}).get("eval_s", ())
    return (float(seconds) for seconds in found if seconds is not None and np.isfinite(seconds))
