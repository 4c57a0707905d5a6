"""Where the time of a step goes."""

from __future__ import annotations

from ray_bench.analysis.phases import Overhead, PhaseGain, PhaseSplit, overhead, phase_gains
from ray_bench.report.cells import Cell, Section, Table, asked, estimate, number, table, text
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.sections.losses import losses_table
from ray_bench.report.sections.sync import between_table, slow_ranks_table, sync_table

_NONE = "No phases were sampled. Set measure.phase_steps=20."
_TOTAL = "total"


def section(context: Context) -> Section:
    """Return the phase section."""
    tables = (
        _phases(context),
        sync_table(context),
        slow_ranks_table(context),
        losses_table(context),
        between_table(context),
        _speedups(context),
        _overheads(context),
    )
    return Section(context.key("phases"), context.title("Time by phase"), tables=tables)


def _phases(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "phase": "Phase",
        "step": "Per step",
        "epoch": "Per epoch",
        "share": "Share",
    }
    rows = [row for split in context.study.phases for row in _split_rows(context, split)]
    notes = [
        "From a separate pass with hooks, mean over ranks, sampled steps and runs; intervals: t, "
        "from the spread between runs, where there are several. Per epoch = per step x training "
        "samples / global batch. Skew wait: for the slowest rank; exposed comm: transfer that the "
        "backward pass does not hide. The phases add up to the total.",
        *_mismatches(context),
    ]
    notes = notes if rows else [_NONE]
    return table(context.key("phases"), "Time by phase and world size", columns, rows, notes)


def _split_rows(context: Context, split: PhaseSplit) -> list[tuple[Cell, ...]]:
    samples = context.study.first.num_train_samples
    steps = None if samples is None else samples / split.global_batch_size
    seconds = {**split.step, _TOTAL: split.total}
    return [
        (
            asked(split.world_size),
            text(name.replace("_", " ")),
            estimate(step, "s"),
            number(None if steps is None else step.value * steps, "s", "derived"),
            number(step.value / split.total_s, "frac"),
        )
        for name, step in seconds.items()
    ]


def _mismatches(context: Context) -> list[str]:
    """Warn where the phase pass ran at another speed than the throughput pass."""
    notes = []
    times = {row.world_size: row.iteration for row in context.study.times}
    for split in context.study.phases:
        iteration = times.get(split.world_size)
        if iteration is None or not split.differs_from(iteration.estimate.value):
            continue
        ours, theirs = (show(number(x, "s")) for x in (split.total_s, iteration.estimate.value))
        notes.append(
            f"Warning: at {workers(split.world_size)} a step takes {ours} in the phase pass but "
            f"{theirs} in the throughput pass; the split may not hold for the latter."
        )
    return notes


def _speedups(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "phase": "Phase",
        "before": "Baseline, per sample",
        "after": "Now, per sample",
        "speedup": "Speedup",
        "contribution": "Share of saved time",
    }
    splits = context.study.phases
    rows = []
    if splits and splits[0].world_size == context.study.baseline:
        for split in splits[1:]:
            rows += _gain_rows(split, splits[0])
    notes = ["Shares add up to 100 %; a negative one is time that was added."]
    if not rows:
        notes = ["Needs phases of the baseline and of another world size."]
    elif any(row[-1].value is None for row in rows):
        notes.append("No share where less than 1 % of the time is saved in total.")
    return table(context.key("phase_speedup"), "Speedup by phase", columns, rows, notes)


def _overheads(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "sync": "Gradient synchronisation, per epoch",
        "coordination": "Process coordination, per epoch",
        "total": "Both, per epoch",
        "share": "Share of the epoch",
    }
    splits = context.study.phases
    rows = []
    if splits and splits[0].world_size == context.study.baseline:
        rows = [_overhead_row(context, x, overhead(x, splits[0])) for x in splits[1:]]
    notes = [
        "What more workers add: exposed synchronisation (waiting for the slowest rank, and "
        "transfer), and time that no phase explains (`other`) beyond what ideal scaling leaves of "
        "the baseline's."
    ]
    notes = notes if rows else ["Needs phases of the baseline and of another world size."]
    return table(context.key("overhead"), "Added overhead", columns, rows, notes)


def _overhead_row(context: Context, split: PhaseSplit, added: Overhead) -> tuple[Cell, ...]:
    samples = context.study.first.num_train_samples
    parts = (added.sync_s, added.coordination_s, added.sync_s + added.coordination_s)
    return (
        asked(split.world_size),
        *(number(None if samples is None else x * samples, "s", "derived") for x in parts),
        number(added.total_frac, "frac"),
    )


def _gain_rows(split: PhaseSplit, baseline: PhaseSplit) -> list[tuple[Cell, ...]]:
    gains = phase_gains(split, baseline)
    before, after = sum(g.before_s for g in gains), sum(g.after_s for g in gains)
    has_shares = gains[0].contribution_frac is not None
    total = PhaseGain(
        phase=_TOTAL,
        before_s=before,
        after_s=after,
        speedup=before / after,
        contribution_frac=sum(g.contribution_frac or 0 for g in gains) if has_shares else None,
    )
    return [_gain_row(split.world_size, gain) for gain in (*gains, total)]


def _gain_row(size: int, gain: PhaseGain) -> tuple[Cell, ...]:
    return (
        asked(size),
        text(gain.phase.replace("_", " ")),
        number(gain.before_s, "s"),
        number(gain.after_s, "s"),
        number(gain.speedup, "x"),
        number(gain.contribution_frac, "frac"),
    )
