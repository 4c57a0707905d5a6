"""Whether a difference in accuracy is shown, in words: without one, none is called the same."""

from __future__ import annotations

import math

from ray_bench.analysis.accuracy import AccuracyRow
from ray_bench.report.cells import estimate
from ray_bench.report.context import Context, rule_words, workers
from ray_bench.report.format import points_lost, show


def accuracy_row(context: Context) -> AccuracyRow | None:
    """Return the accuracy that is said: of the chosen size, else the largest, its worst rule."""
    rows = [x for x in context.study.accuracy if x.difference is not None]
    best = context.study.decision.recommended
    size = next((x.world_size for x in rows if x.world_size == best), None)
    size = rows[-1].world_size if size is None and rows else size
    return min((x for x in rows if x.world_size == size), key=_worst_first, default=None)


def _worst_first(row: AccuracyRow) -> tuple[bool, float]:
    """Shown to be lower comes first, then what leaves room for the largest loss."""
    change = row.difference
    if change is None or change.low is None or change.high is None:
        return True, -math.inf
    return change.high >= 0, change.low


def accuracy_title(context: Context, row: AccuracyRow) -> str:
    """Return whether accuracy differs, as far as the interval says."""
    change, where = row.difference, _where(context, row)
    if change is None or change.low is None:
        return f"Accuracy at {where} has no interval"
    if change.contains(0):
        return f"No difference in accuracy is shown at {where}"
    word = "higher" if change.value > 0 else "lower"
    return f"Accuracy is {word} at {where}: {show(estimate(change, 'points')).value}"


def _where(context: Context, row: AccuracyRow) -> str:
    """Return `4 workers with linear`, the rule where there are several."""
    rules = {x.lr_rule for x in context.study.accuracy}
    return f"{workers(row.world_size)}{f' with {rule_words(row.lr_rule)}' * (len(rules) > 1)}"


def ruled_out(context: Context, row: AccuracyRow) -> str:
    """Return which loss of accuracy the interval leaves no room for."""
    if row.difference is None or row.difference.low is None:
        return ""
    seeds = "for the one seed measured" if row.num_seeds == 1 else f"over {seeds_words(row)}"
    lost = max(0.0, -row.difference.low)
    return (
        f"At {_where(context, row)} a loss of more than {points_lost(lost)} is ruled out, {seeds}."
    )


def seeds_words(row: AccuracyRow) -> str:
    """Return `5 seeds`, or `4 of 5 seeds; 1 diverged`: of how many a mean is."""
    if row.num_seeds == row.num_all_seeds and not row.num_diverged + row.num_stopped:
        return f"{row.num_seeds} seed{'s' * (row.num_seeds != 1)}"
    counts = {"diverged": row.num_diverged, "stopped as hopeless": row.num_stopped}
    lost = ", ".join(f"{count} {how}" for how, count in counts.items() if count)
    return f"{row.num_seeds} of {row.num_all_seeds} seeds; {lost}"


def lost_words(context: Context) -> str | None:
    """Return which means are not of all seeds; None where all came to their end."""
    rows = [x for x in context.study.accuracy if x.num_diverged + x.num_stopped]
    if not rows:
        return None
    each = ". ".join(f"{_where(context, x)}: {seeds_words(x)}" for x in rows)
    return f"Means are of the seeds that came to their end. {each}."
