"""The gradient noise scale by world size, and the global batch against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ray_bench.analysis.noise_curve import NoiseEpoch
from ray_bench.analysis.noise_scale import NoiseRow
from ray_bench.report.cells import Cell, Table, asked, estimate, number, table, text
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show

_NOTES = (
    "Noise scale: tr(Sigma) / |G|^2 (McCandlish et al. 2018), from separate gradients at the "
    "weights that training ended with. It usually grows during training, so earlier it was less. A "
    "global batch well below it: a larger one saves steps and costs few samples more. Well above: "
    "a larger one hardly saves steps.",
    "Samples needed: over the fewest, 1 + global batch / noise scale. Intervals: of the "
    "measurement at these weights, not between seeds.",
)


def noise_table(context: Context) -> Table:
    """Return the table, for runs that measured their gradients."""
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "global_batch": "Global batch",
        "seeds": "Seeds",
        "epochs": "After epochs",
        "noise_scale": "Noise scale (samples)",
        "batch_is": "Global batch is",
        "more_samples": "Samples needed",
    }
    found = context.study.noise
    notes = list(_NOTES)
    if any(row.noise_scale is None for row in found):
        notes.append(
            "Unknown: the squared mean gradient cannot be told from 0; more measure.noise_steps, "
            "or a larger batch, may tell."
        )
    rows = [_row(row) for row in found]
    title = "Gradient noise scale at the end of training"
    return table(context.key("noise_scale"), title, columns, rows, notes)


#: Epochs of a world size and rule in the table, at even distances; JSON and Markdown have the same.
_MAX_EPOCHS = 8


def curve_table(context: Context) -> Table:
    """Return the noise scale over training, for runs that measured it in every step."""
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "epoch": "Epoch",
        "global_batch": "Global batch",
        "seeds": "Seeds",
        "noise_scale": "Noise scale (samples)",
        "efficiency": "Statistical efficiency",
    }
    found = context.study.noise_curve
    notes = [
        "From the squared gradient norms of every step, means over an epoch and over seeds. "
        "Intervals: Fieller's over seeds, none of one seed. Statistical efficiency, after Pollux: "
        "(noise scale + baseline's batch) / (noise scale + global batch).",
    ]
    if max(x.epoch for x in found) > _MAX_EPOCHS:
        notes.append("Not every epoch is here; the table `epochs` of the results has all.")
    rows = [_curve_row(x) for x in evenly(found, _MAX_EPOCHS)]
    title = "Gradient noise scale over training"
    return table(context.key("noise_curve"), title, columns, rows, notes, optional=("efficiency",))


def evenly(found: Sequence[NoiseEpoch], most: int) -> list[NoiseEpoch]:
    """Return at most so many epochs of every world size and rule, the first and the last too."""
    cells: dict[tuple[int, str], list[NoiseEpoch]] = {}
    for row in found:
        cells.setdefault((row.world_size, row.lr_rule), []).append(row)
    kept = []
    for rows in cells.values():
        at = np.linspace(0, len(rows) - 1, min(len(rows), most)).round().astype(int)
        kept += [rows[i] for i in at]
    return kept


def _curve_row(row: NoiseEpoch) -> tuple[Cell, ...]:
    return (
        asked(row.world_size),
        text(row.lr_rule),
        asked(row.epoch),
        asked(row.global_batch_size),
        asked(row.num_seeds),
        scale_cell(row),
        estimate(row.efficiency_frac, "frac", "derived"),
    )


def scale_cell(row: NoiseRow | NoiseEpoch) -> Cell:
    """Return the noise scale in samples."""
    return estimate(row.noise_scale, "count")


def _row(row: NoiseRow) -> tuple[Cell, ...]:
    place = row.batch_is
    return (
        asked(row.world_size),
        text(row.lr_rule),
        asked(row.global_batch_size),
        asked(row.num_seeds),
        number(row.num_epochs, "count"),
        scale_cell(row),
        text(place if place in (None, "within") else f"{place} it"),
        estimate(row.more_samples, "x", "derived"),
    )


def batch_words(context: Context) -> str | None:
    """Say where the largest global batch is more than the gradients' noise makes use of."""
    found = context.study.noise
    largest = max((row.global_batch_size for row in found), default=0)
    rows = [row for row in found if row.global_batch_size == largest]
    # In strong scaling all world sizes have this batch: what one shows, the others must not deny.
    if not rows or any(row.batch_is != "above" for row in rows):
        return None
    row = rows[-1]
    return (
        f"{largest} samples are above the gradient noise scale, {_scale_words(row)} samples "
        f"with {workers(row.world_size)} as training ends, when it usually is largest: a smaller "
        "global batch needs fewer samples for the same progress."
    )


def _scale_words(row: NoiseRow) -> str:
    shown = show(estimate(row.noise_scale, "count"))
    return f"{shown.value} ({shown.interval})"
