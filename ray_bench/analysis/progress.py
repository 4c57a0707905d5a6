"""How loss and accuracy went from epoch to epoch, by world size and learning-rate rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.records import RunRecord

Tables = Mapping[str, Mapping[str, np.ndarray]]

#: Of longer trainings, so many epochs are taken: the first, the last, and evenly between.
MAX_EPOCHS = 6
#: And so many in a picture.
MAX_DRAWN_EPOCHS = 20


_COLUMNS = (
    *("num_samples", "train_s", "train_loss", "val_loss"),
    *("train_accuracy_frac", "val_accuracy_frac"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressRow:
    """One epoch of a world size and rule, means over the runs that have it. None is unknown."""

    world_size: int
    lr_rule: str
    epoch: int  # from 1
    num_samples: float | None  # seen by the end of the epoch, over all ranks
    train_s: float | None  # spent in training steps by then
    train_loss: float | None  # mean over the epoch, while the weights change
    val_loss: float | None
    train_accuracy_frac: float | None
    val_accuracy_frac: float | None


def progress_rows(
    runs: Sequence[RunRecord], epochs: Tables, max_epochs: int = MAX_EPOCHS
) -> tuple[ProgressRow, ...]:
    """Return rows for at most so many epochs of every world size and rule.

    Args:
        runs: Of one group of comparable runs; a run without epochs is left out.
        epochs: Columns of the table `epochs` by run, each of shape (num_epochs,).
        max_epochs: Of every world size and rule, 2 or more.
    """
    by_cell: dict[tuple[int, str], list[Mapping[str, np.ndarray]]] = {}
    for run in runs:
        if run.run_id in epochs:
            cell = by_cell.setdefault((run.point.world_size, run.point.rule), [])
            cell.append(_in_order(epochs[run.run_id]))
    return tuple(
        row
        for (size, rule), tables in sorted(by_cell.items(), key=lambda item: item[0])
        for row in _rows(size, rule, tables, max_epochs)
    )


def chosen_epochs(
    tables: Sequence[Mapping[str, np.ndarray]], max_epochs: int = MAX_EPOCHS
) -> list[int]:
    """Return the epochs to show, ascending: all of a short training, else so many of them."""
    known = sorted({int(epoch) for table in tables for epoch in table["epoch"]})
    places = np.linspace(0, len(known) - 1, min(max_epochs, len(known)))
    return [known[round(place)] for place in places]


def _in_order(table: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Return the epochs ascending, with time and samples summed up to each."""
    order = np.argsort(table["epoch"])
    found = {name: column[order] for name, column in table.items()}
    return {**found, **{n: np.cumsum(found[n]) for n in ("num_samples", "train_s") if n in found}}


def _rows(
    size: int, rule: str, tables: Sequence[Mapping[str, np.ndarray]], max_epochs: int
) -> Iterator[ProgressRow]:
    epochs = chosen_epochs(tables, max_epochs)
    means = {name: _means(tables, name, np.array(epochs)) for name in _COLUMNS}
    for i, epoch in enumerate(epochs):
        values = {name: column[i] for name, column in means.items()}
        yield ProgressRow(world_size=size, lr_rule=rule, epoch=epoch, **values)


def _means(
    tables: Sequence[Mapping[str, np.ndarray]], name: str, epochs: np.ndarray
) -> list[float | None]:
    """Return a column's means over the runs that have it in an epoch, None where none has."""
    totals, counts = np.zeros((2, len(epochs)))
    for table in tables:
        if name not in table:
            continue
        place = np.searchsorted(table["epoch"], epochs).clip(max=len(table["epoch"]) - 1)
        values = table[name][place].astype(float)  # None becomes NaN
        known = (table["epoch"][place] == epochs) & np.isfinite(values)
        totals[known] += values[known]
        counts[known] += 1
    return [
        float(total / count) if count else None for total, count in zip(totals, counts, strict=True)
    ]
