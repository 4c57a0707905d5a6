"""A run's evaluations in order: what it had seen and spent by each, and what it then was like.

Every evaluation counts, those within epochs too. Where a sweep has none by samples, as of an older
version, the ends of epochs are taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ray_bench.analysis.columns import split_by_run
from ray_bench.config.metric_target import ACCURACY, LOSS, MetricTarget
from ray_bench.records import Results

Tables = Mapping[str, Mapping[str, np.ndarray]]
_OWN = (ACCURACY, LOSS)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Evaluations of one run; each array has shape (num_evaluations,), NaN is unknown."""

    epoch: np.ndarray  # epochs of data by then, whole or a fraction
    samples: np.ndarray  # of all ranks, from the start
    train_s: np.ndarray  # in training steps, from the start
    with_eval_s: np.ndarray  # in evaluations too, this one included; start-up never is
    metrics: Mapping[str, np.ndarray] = field(default_factory=dict)
    lr: np.ndarray = field(default_factory=lambda: np.empty(0))  # applied as an epoch ends, each

    def values(self, target: MetricTarget) -> np.ndarray | None:
        """Return the metric of a target; None where it was never told, or is no share of 1."""
        found = next((self.metrics[x] for x in target.told_as if x in self.metrics), None)
        if found is None or not np.isfinite(found).any():
            return None
        is_percent = target.is_share and float(np.nanmax(found)) > 1
        return None if is_percent else found


Histories = Mapping[str, History]


def histories(epochs: Tables, evaluations: Tables | None = None) -> dict[str, History]:
    """Return the evaluations of every run that has any row of them.

    Args:
        epochs: Columns of the table `epochs` by run.
        evaluations: Columns of the table `evaluations` by run.
    """
    within = evaluations or {}
    return {
        run_id: _within(within[run_id], epochs.get(run_id))
        if run_id in within
        else _at_ends(epochs[run_id])
        for run_id in {**epochs, **within}
    }


def histories_of(results: Results) -> Histories:
    """Return the evaluations of every run of a sweep."""
    return histories(split_by_run(results.epochs), split_by_run(results.evaluations))


def known_metrics(found: Iterable[History]) -> tuple[str, ...]:
    """Return the names of metrics of which some run has told a value."""
    names = dict.fromkeys(
        name for x in found for name, values in x.metrics.items() if np.isfinite(values).any()
    )
    return tuple(names)


def _within(table: Mapping[str, np.ndarray], epochs: Mapping[str, np.ndarray] | None) -> History:
    order = np.argsort(table["evaluation"])
    samples = _column(table, "num_samples")[order]
    of_epoch = 0 if epochs is None else int(np.max(epochs["num_samples"]))
    return History(
        epoch=samples / of_epoch if of_epoch else _column(table, "epoch")[order],
        samples=samples,
        train_s=_column(table, "train_s")[order],
        with_eval_s=_column(table, "with_eval_s")[order],
        metrics={
            **{name: _column(table, name)[order] for name in _OWN if name in table},
            **{name: values[order] for name, values in _told(table).items()},
        },
        lr=_rates(epochs),
    )


def _told(table: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what a script told by names of its own, where it told any."""
    if "metric_names" not in table:
        return {}
    rows = [
        dict(zip(names, values, strict=True)) if names is not None else {}
        for names, values in zip(table["metric_names"], table["metric_values"], strict=True)
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows], dtype=float) for name in names}


def _at_ends(table: Mapping[str, np.ndarray]) -> History:
    """Return the evaluations after epochs."""
    order = np.argsort(table["epoch"])
    metrics = {name: _column(table, name)[order] for name in _OWN if name in table}
    was_evaluated = np.zeros(len(order), dtype=bool)
    for values in metrics.values():
        was_evaluated |= np.isfinite(values)
    samples, train_s = (np.cumsum(_column(table, x)[order]) for x in ("num_samples", "train_s"))
    eval_s = _column(table, "eval_s")[order]
    # An epoch without an evaluation has no time of one; an evaluation of unknown length stays so.
    eval_s = np.cumsum(np.where(was_evaluated, eval_s, np.nan_to_num(eval_s)))
    return History(
        epoch=table["epoch"][order][was_evaluated].astype(float),
        samples=samples[was_evaluated],
        train_s=train_s[was_evaluated],
        with_eval_s=(train_s + eval_s)[was_evaluated],
        metrics={name: values[was_evaluated] for name, values in metrics.items()},
        lr=_rates(table),
    )


def _rates(epochs: Mapping[str, np.ndarray] | None) -> np.ndarray:
    if epochs is None or "lr" not in epochs:
        return np.empty(0)
    return _column(epochs, "lr")[np.argsort(epochs["epoch"])]


def _column(table: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return a column as floats, None as NaN; NaN where an older version had none."""
    if name not in table:
        return np.full(len(next(iter(table.values()))), np.nan)
    return np.array(table[name].tolist(), dtype=float)
