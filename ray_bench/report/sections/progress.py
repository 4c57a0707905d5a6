"""Loss and accuracy from epoch to epoch."""

from __future__ import annotations

from ray_bench.analysis.progress import MAX_EPOCHS, ProgressRow
from ray_bench.report.cells import Cell, Table, asked, number, table, text
from ray_bench.report.context import Context


def progress_table(context: Context) -> Table:
    """Return the table; no rows where no epoch was stored."""
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "epoch": "Epoch",
        "samples": "Samples seen",
        "train_time": "Training time",
        "train_loss": "Training loss",
        "val_loss": "Validation loss",
        "train_accuracy": "Training accuracy",
        "val_accuracy": "Validation accuracy",
    }
    rows = [_row(row) for row in context.study.progress]
    notes = [
        "Means over runs, at the end of the epoch. Training loss and accuracy are means over the "
        "epoch, while the weights change."
    ]
    if any(row.epoch > MAX_EPOCHS for row in context.study.progress):
        notes.append(f"{MAX_EPOCHS} epochs at most are shown; the table `epochs` has all.")
    optional = ("samples", "train_time", "train_loss", "val_loss", "train_accuracy", "val_accuracy")
    return table(
        context.key("progress"),
        "Progress by epoch",
        columns,
        rows,
        notes if rows else ["No epochs were stored."],
        optional=optional,
    )


def _row(row: ProgressRow) -> tuple[Cell, ...]:
    return (
        asked(row.world_size),
        text(row.lr_rule),
        asked(row.epoch),
        asked(row.num_samples),
        number(row.train_s, "s"),
        number(row.train_loss, "loss"),
        number(row.val_loss, "loss"),
        number(row.train_accuracy_frac, "frac"),
        number(row.val_accuracy_frac, "frac"),
    )
