"""Which runs of one world size were one and the same training, under whatever rules.

By what they are: where the rate has not grown, rules differ only in how they climb. By what they
did: at the same rates their seeds came to the very same numbers, on the way and at the end. So legw
is sqrt under a schedule that climbs by itself. On a GPU, where a seed is not repeated to the bit,
only the first is seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ray_bench.analysis.parity.history import Histories, History
from ray_bench.analysis.parity.runs import LOST
from ray_bench.config.lr_rules import rule_of
from ray_bench.records import RunRecord

#: Seeds that have to agree, number by number, before two rules are called one training.
MIN_SAME_SEEDS = 2

Training = tuple[RunRecord, ...]


def trainings(runs: Sequence[RunRecord], found: Histories) -> list[Training]:
    """Return the runs of every training of every world size.

    Args:
        runs: Of one group of comparable runs.
        found: Evaluations by run.
    """
    cells: dict[tuple[int, object], list[RunRecord]] = {}
    for run in runs:
        cells.setdefault((run.point.world_size, _kind(run)), []).append(run)
    merged: list[list[RunRecord]] = []
    for those in cells.values():
        known = next((x for x in merged if _did_the_same(x, those, found)), None)
        if known is None:
            merged.append(those)
        else:
            known.extend(those)
    return [tuple(x) for x in merged]


def label_of(runs: Sequence[RunRecord]) -> str:
    """Return the rule, or with / between them all that are one training."""
    return joined(rules_of(runs))


def joined(rules: Sequence[str]) -> str:
    """Return rules that are one training as one name."""
    return "/".join(rules)


def rules_of(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """Return the rules of a training, sorted."""
    return tuple(sorted({run.point.rule_label for run in runs}))


def _kind(run: RunRecord) -> object:
    """Return what tells trainings of one world size apart: rules that change nothing do not."""
    point = run.point
    if point.lr_rule is None or point.lr is None or point.lr != point.base_lr:
        return point.rule_label
    rule = rule_of(point.lr_rule)
    return (point.lr, rule.starts_at_zero, rule.is_adaptive)


def _did_the_same(one: Sequence[RunRecord], other: Sequence[RunRecord], found: Histories) -> bool:
    if _place(one[0]) != _place(other[0]):
        return False
    ours, theirs = _by_seed(one), _by_seed(other)
    pairs = [(ours[seed], theirs[seed]) for seed in ours.keys() & theirs.keys()]
    if any((a.status in LOST) != (b.status in LOST) for a, b in pairs):
        return False
    ended = [(a, b) for a, b in pairs if a.status not in LOST]
    return len(ended) >= MIN_SAME_SEEDS and all(_is_same(a, b, found) for a, b in ended)


def _place(run: RunRecord) -> tuple[int, float | None, float | None]:
    """Return the world size, and the rate; NaN, which equals nothing, where that is not known."""
    lr = float("nan") if run.point.lr is None else run.point.lr
    return (run.point.world_size, lr, run.point.base_lr)


def _by_seed(runs: Sequence[RunRecord]) -> dict[int, RunRecord]:
    return {run.point.seed: run for run in runs if run.point.seed is not None}


def _is_same(one: RunRecord, other: RunRecord, found: Histories) -> bool:
    """Return whether two runs of a seed are equal to the last digit, as far as they were seen."""
    ends = [(x.final_val_loss, x.final_train_loss, x.final_val_accuracy_frac) for x in (one, other)]
    if ends[0] != ends[1] or all(x is None for x in ends[0]):
        return False
    ours, theirs = found.get(one.run_id), found.get(other.run_id)
    if ours is None or theirs is None:
        has_losses = any(x is not None for x in ends[0][:2])  # accuracies may be equal by chance
        return ours is theirs and has_losses
    return _are_equal(ours, theirs)


def _are_equal(one: History, other: History) -> bool:
    if one.metrics.keys() != other.metrics.keys():
        return False
    pairs = [(one.metrics[name], other.metrics[name]) for name in one.metrics]
    pairs += [(one.samples, other.samples), (one.lr, other.lr)]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
