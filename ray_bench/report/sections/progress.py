"""Loss and accuracy from epoch to epoch, the world sizes side by side."""

from __future__ import annotations

from collections.abc import Callable

from ray_bench.analysis.progress import MAX_EPOCHS, ProgressRow
from ray_bench.report.cells import Table, table
from ray_bench.report.context import Context, workers
from ray_bench.report.fields import Crossed, Field, crossed_table, with_column

#: The rows of a world size by epoch and rule.
Rows = dict[tuple[int, str], ProgressRow]


def progress_table(context: Context) -> Table:
    """Return the table; no rows where no epoch was stored."""
    found = context.study.progress
    title = "Progress by epoch"
    if not found:
        columns = {"name": "Epoch"}
        return table(context.key("progress"), title, columns, [], ["No epochs were stored."])
    has_rules = len({x.lr_rule for x in found}) > 1
    at = {
        (f"{x.epoch}, {x.lr_rule}" if has_rules else str(x.epoch)): (x.epoch, x.lr_rule)
        for x in found
    }
    sizes = {
        n: {(x.epoch, x.lr_rule): x for x in found if x.world_size == n} for n in _sizes(found)
    }
    groups = [Crossed(str(n), workers(n), rows) for n, rows in sizes.items()]
    notes = [
        "Means over runs, at the end of the epoch; training time is that of the steps up to there. "
        "Training loss is the mean over the epoch, while the weights change. The table `epochs` of "
        "the results has validation loss and training accuracy, too."
    ]
    if any(x.epoch > MAX_EPOCHS for x in found):
        notes.append(f"{MAX_EPOCHS} epochs at most are shown; the table `epochs` has all.")
    head = "Epoch, rule" if has_rules else "Epoch"
    names = sorted(at, key=lambda x: at[x])
    made = crossed_table(
        context.key("progress"), title, head, names, groups, lambda x: _fields(at[x]), notes
    )
    samples = {(x.epoch, x.lr_rule): x.num_samples for x in reversed(found)}
    seen: Field[str] = Field("samples", "Samples seen", "count", None, lambda x: samples[at[x]])
    return with_column(made, seen, names)


def _sizes(found: tuple[ProgressRow, ...]) -> list[int]:
    return sorted({x.world_size for x in found})


def _fields(at: tuple[int, str]) -> tuple[Field[Rows], ...]:
    def of(name: str) -> Callable[[Rows], float | None]:
        return lambda rows: getattr(rows[at], name) if at in rows else None

    return (
        Field("time", "training time", "s", "measured", of("train_s")),
        Field("loss", "training loss", "loss", "measured", of("train_loss")),
        Field("accuracy", "accuracy", "frac", "measured", of("val_accuracy_frac")),
    )
