"""Whether accuracy is kept, in words."""

from __future__ import annotations

from ray_bench.analysis.accuracy import AccuracyRow
from ray_bench.report.cells import estimate
from ray_bench.report.context import Context, workers
from ray_bench.report.format import points_lost, show


def accuracy_row(context: Context) -> AccuracyRow | None:
    """Return the accuracy that is said: of the chosen size, else the largest, first rule."""
    rows = [x for x in context.study.accuracy if x.difference is not None]
    best = context.study.decision.recommended
    return next((x for x in rows if x.world_size == best), rows[-1] if rows else None)


def accuracy_title(row: AccuracyRow) -> str:
    """Return whether accuracy is kept, as far as the interval says."""
    change = row.difference
    if change is None or change.low is None:
        return f"Accuracy at {workers(row.world_size)} has no interval"
    if change.contains(0):
        return "Accuracy is kept: no difference shown"
    word = "higher" if change.value > 0 else "lower"
    return (
        f"Accuracy is {word} at {workers(row.world_size)}: {show(estimate(change, 'points')).value}"
    )


def ruled_out(row: AccuracyRow) -> str:
    """Return which loss of accuracy the interval leaves no room for."""
    if row.difference is None or row.difference.low is None:
        return ""
    seeds = "for the one seed measured" if row.num_seeds == 1 else f"over {row.num_seeds} seeds"
    lost = max(0.0, -row.difference.low)
    return (
        f"At {workers(row.world_size)} a loss of more than {points_lost(lost)} is ruled out, "
        f"{seeds}."
    )
