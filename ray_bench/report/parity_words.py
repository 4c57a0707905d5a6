"""Parity in words: equivalent, worse by how much, or how many more seeds it takes to tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ray_bench.analysis.parity.compare import Comparison, Margin, Obstacle, Quantity
from ray_bench.analysis.parity.outcomes import MIN_SEEDS
from ray_bench.analysis.parity.power import MAX_PAIRS
from ray_bench.analysis.parity.study import ALPHA, Parity, ParityRow
from ray_bench.report.context import rule_words, workers
from ray_bench.stats.estimate import Estimate

#: Of the baseline's errors: with a margin from that on, equivalent may be much worse.
WIDE_MARGIN_FRAC = 0.25

_NOT_SHOWN = "not shown to be equivalent or different"

QUANTITIES: dict[Quantity, str] = {
    "accuracy": "final accuracy",
    "loss": "final loss",
    "samples": "samples to the target",
}


def verdict_words(rows: Sequence[ParityRow], margin: Margin) -> list[str]:
    """Return the verdicts as sentences."""
    return [f"{words}." for words in verdict_phrases(rows, margin)]


def verdict_phrases(rows: Sequence[ParityRow], margin: Margin) -> list[str]:
    """Return `4 workers with sqrt: final accuracy worse by 1.3 points (0.9 to 1.8)` and so on.

    Rows of which the same is to be said share a sentence; the table has their numbers.
    """
    said: dict[str, dict[int, list[str]]] = {}
    for row in rows:
        words = f"{QUANTITIES[row.quantity]} {_verdict(row, margin)}"
        said.setdefault(words, {}).setdefault(row.world_size, []).append(row.lr_rule)
    return [f"{_who(rules)}: {words}" for words, rules in said.items()]


def unknown_phrases(rows: Sequence[ParityRow], margin: Margin) -> list[str]:
    """Return of which rows nothing is shown, and what the eye sees of them; the fold says why."""
    said: dict[str, dict[int, list[str]]] = {}
    for row in rows:
        words = f"{QUANTITIES[row.quantity]} {_NOT_SHOWN}{_seen_words(row, margin)}"
        said.setdefault(words, {}).setdefault(row.world_size, []).append(row.lr_rule)
    return [f"{_who(rules)}: {words}" for words, rules in said.items()]


def _who(rules: Mapping[int, Sequence[str]]) -> str:
    """Return `2 workers with linear and sqrt, 4 workers with linear`."""
    said = {size: listed([rule_words(name) for name in names]) for size, names in rules.items()}
    return ", ".join(f"{workers(size)} with {names}" for size, names in said.items())


def listed(names: Sequence[str]) -> str:
    """Return `a, b and c`."""
    head, last = names[:-1], names[-1]
    return f"{', '.join(head)} and {last}" if head else last


def _verdict(row: ParityRow, margin: Margin) -> str:
    if row.verdict == "equivalent":
        return f"equivalent, within {margin_words(row.quantity, margin)}{_though(row)}"
    if row.verdict in ("worse", "better"):
        return f"{row.verdict}{_by(row, margin)}"
    seen = _seen_words(row, margin)
    if row.verdict == "too_few_runs":
        return f"{_NOT_SHOWN}{seen}: {needed_words(row)}"
    return f"{_NOT_SHOWN}{seen}{_obstacle_words(row, margin)}"


def _seen_words(row: ParityRow, margin: Margin) -> str:
    """Return `, though 1 of 5 seeds diverged and 3 end more than 0.5 points below`.

    Nothing where that is no more than half of the seeds, or where none comes to a worse end.
    """
    found = row.comparison
    ended = found.num_worse - found.num_diverged
    if found.num_worse < max(2, found.num_all // 2 + 1) or not ended:
        return ""
    side = "below" if row.quantity == "accuracy" else "above"
    below = f"more than {margin_words(row.quantity, margin)} {side}"
    if not found.num_diverged:
        return f", though {ended} of {found.num_all} seeds end {below}"
    return f", though {_lost_of_all(row)} and {ended} end {below}"


def _though(row: ParityRow) -> str:
    """Return that a difference within the margin is shown: equivalent does not mean none."""
    if row.p_different > ALPHA or row.effect is None:
        return ""
    return f", though {'lower' if row.effect.value < 0 else 'higher'}"


def margin_words(quantity: Quantity, margin: Margin) -> str:
    """Return `0.5 points` or `10 %`."""
    if quantity == "accuracy":
        return f"{100 * margin.accuracy_frac:g} points"
    return f"{100 * (margin.loss_frac if quantity == 'loss' else margin.samples_frac):g} %"


def _by(row: ParityRow, margin: Margin) -> str:
    """Return ` by 1.3 points (0.9 to 1.8)` and what that leaves out, or how many diverged."""
    found = row.comparison
    if found.p_diverged is not None and found.p_diverged < found.p_others / 2:
        return f": {_lost_of_all(row)}"
    words = _by_much(row, margin)
    if row.quantity == "samples":
        return words
    lost = [_lost_of_all(row)] if found.num_diverged else []
    lost += [_baseline_lost(found)] if found.num_reference_diverged else []
    return f"{words}; not in that: {listed(lost)}" if lost else words


def _by_much(row: ParityRow, margin: Margin) -> str:
    """Return ` by 1.3 points (0.9 to 1.8)`, and whether it may be within the margin."""
    found = row.comparison
    if row.effect is None:
        return ""
    effect = row.effect if row.effect.value >= 0 else _mirrored(row.effect)
    unit = " points" if row.quantity == "accuracy" else " %"
    words = f" by {100 * effect.value:.1f}{unit}"
    is_cut = row.quantity == "samples" and found.num_not_reached > 0
    is_open = is_cut and row.verdict == "worse"
    words += " or more" if is_open else ""
    if effect.low is None or effect.high is None:
        return words
    if is_open:  # what lies beyond the horizon is not known: the interval has no upper end
        words += f" (lower bound {100 * effect.low:.1f})"
    else:
        words += f" ({100 * effect.low:.1f} to {100 * effect.high:.1f})"
        words += ", as far as all runs have seen" if is_cut else ""
    limit = margin.of(row.quantity)
    limit = limit if row.quantity == "accuracy" else math.expm1(limit)
    if effect.low < limit:
        words += f", which may be within the margin of {margin_words(row.quantity, margin)}"
    return words


def _mirrored(effect: Estimate) -> Estimate:
    return effect.mapped(lambda x: -x)


def needed_words(row: ParityRow) -> str:
    """Return how many more seeds are needed, or why that is not known."""
    found, plan = row.comparison, row.needed
    have = found.num_pairs
    if found.difference is None:
        return (
            f"not enough runs: the spread between seeds is not known from one; {MIN_SEEDS - have} "
            f"more needed, {MIN_SEEDS} in all, to tell how many it takes"
        )
    more = more_seeds(row)
    if plan is None or more is None:
        return (
            f"not enough runs: the spread between seeds is so large that {MAX_PAIRS} would not do; "
            "a wider margin, or a model that varies less, may"
        )
    if found.seems_beyond:
        return (
            f"not enough runs: {more} more needed to show a difference as large as the one that "
            "was found, which is beyond the margin"
        )
    words = f"not enough runs: {more} more needed"
    if plan.for_90 is not None and plan.for_80 is not None and plan.for_90 > plan.for_80:
        words += f" ({plan.for_90 - have} for a power of 90 % instead of 80 %)"
    words += " if they are equal"
    if plan.for_90_at_bound is None or plan.for_90_at_bound > 2 * (plan.for_80 or 0):
        words += f"; from {have} seeds that is a rough number"
    return words


def more_seeds(row: ParityRow) -> int | None:
    """Return the seeds that are missing for a power of 80 %; None where that is not known."""
    found, plan = row.comparison, row.needed
    if row.verdict != "too_few_runs":
        return None
    if found.difference is None or plan is None:
        return max(1, MIN_SEEDS - found.num_pairs)
    wanted = plan.for_difference if found.seems_beyond else plan.for_80
    return None if wanted is None else max(1, max(wanted, MIN_SEEDS) - found.num_pairs)


def _obstacle_words(row: ParityRow, margin: Margin) -> str:
    found = row.comparison
    limit = margin_words(row.quantity, margin)
    return {
        None: f"; the difference itself may be as large as the margin of {limit}",
        Obstacle.FEW_SEEDS: "",
        Obstacle.DIVERGED: _diverged_words(row, margin),
        Obstacle.NOT_REACHED: _not_reached_words(row),
        Obstacle.FIRST_EVALUATION: ": a run was at the target by its first evaluation. A higher "
        "--target, or evaluations that are closer together, would tell",
        Obstacle.COARSE: f": evaluations are further apart than the margin of {limit}. Evaluations "
        "that are closer together would tell",
    }[found.obstacle]


def _lost(row: ParityRow) -> str:
    """Return how runs were lost that did not come to their end."""
    stopped = row.comparison.num_stopped
    if stopped == 0:
        return "diverged"
    every = stopped == row.comparison.num_diverged
    return "were stopped as hopeless" if every else "diverged or were stopped as hopeless"


def _of_all(found: Comparison, count: int) -> str:
    return f"{count} of {found.num_all} seeds"


def _lost_of_all(row: ParityRow) -> str:
    return f"{_of_all(row.comparison, row.comparison.num_diverged)} {_lost(row)}"


def _baseline_lost(found: Comparison) -> str:
    count = found.num_reference_diverged
    return f"{count} seed{'s' * (count > 1)} of the baseline did not finish"


def _diverged_words(row: ParityRow, margin: Margin) -> str:
    """Return which seeds have no final quality, and that they decide nothing."""
    found = row.comparison
    if _seen_words(row, margin):
        return "; that may still be chance"
    whose = _lost_of_all(row) if found.num_diverged else _baseline_lost(found)
    return f": {whose}, which rules out equivalence, and a difference is not shown either"


def _not_reached_words(row: ParityRow) -> str:
    found = row.comparison
    if found.num_not_reached == 0:
        words = "seeds of the baseline did not reach the target"
    elif found.num_not_reached == found.num_diverged:
        return f": {_lost_of_all(row)}, and never reach the target"
    else:
        words = f"{_of_all(found, found.num_not_reached)} did not reach the target"
    return (
        f": {words}, and what it takes beyond their last evaluation is not known. More epochs, or "
        "a lower --target, would tell"
    )


def summary(found: Parity) -> list[str]:
    """Return the verdicts, those of final quality first, and whether the margin suits them."""
    return [*verdict_words(found.rows, found.margin), *_wide_margin_words(found)]


def _wide_margin_words(found: Parity) -> list[str]:
    """Return that many more errors are within the margin, where a row is equivalent by it."""
    errors, margin = found.reference_error_frac, found.margin.accuracy_frac
    is_used = any(x.verdict == "equivalent" for x in found.of("accuracy"))
    if not is_used or not errors or margin < WIDE_MARGIN_FRAC * errors:
        return []
    who, verb = workers(found.reference_size), "errs" if found.reference_size == 1 else "err"
    return [
        f"The margin is wide for this model: {who} {verb} in "
        f"{100 * errors:.2g} % of samples, so that {100 * margin:g} points are "
        f"{100 * margin / errors:.0f} % more errors. A tenth of them is --margin "
        f"accuracy={100 * errors / 10:.1g}%."
    ]
