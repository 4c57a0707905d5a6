"""Validation accuracy against time and against epoch, by world size and learning-rate rule."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.progress import MAX_DRAWN_EPOCHS, ProgressRow
from ray_bench.report.accuracy_words import lost_words
from ray_bench.report.cells import Cell, estimate, number
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import interval

_STANDIN = "Stand-in data: not the accuracies of the data set in the workload's name."


def by_time(context: Context) -> Picture | None:
    """Return accuracy against seconds of training."""
    rows = [x for x in _known(context) if x.train_s is not None]
    return _by_time(context, rows) if rows else None


def kept(context: Context) -> Picture | None:
    """Return the difference of every world size to the baseline, and accuracy by epoch."""
    against = [x for x in context.study.accuracy if x.difference is not None]
    epochs = _known(context)
    if context.study.is_ladder or not against:
        return None
    cells = [(x, estimate(x.difference, "points")) for x in against]
    words = "; ".join(f"{workers(x.world_size)} {show(cell)}" for x, cell in cells)
    lost = lost_words(context)
    has_standin = any("standin_data" in run.flags for run in context.study.group.runs)
    return Picture(
        key=context.key("accuracy_kept"),
        title=context.title(
            f"Validation accuracy against {workers(context.study.baseline)}, in points"
        ),
        alt=f"Final validation accuracy against {workers(context.study.baseline)}: {words}.",
        section=context.key("accuracy"),
        chart="accuracy",
        rows=(
            *(_against(x.world_size, x.lr_rule, cell) for x, cell in cells),
            *(_row(x) for x in epochs),
        ),
        notes=(
            *([_STANDIN] if has_standin else []),
            "Points: percentage points of validation accuracy. Bars: 95 % intervals.",
            *([lost] if lost else []),
        ),
    )


def _against(world_size: int, lr_rule: str, cell: Cell) -> dict[str, Datum]:
    row: dict[str, Datum] = {"world_size": world_size, "lr_rule": lr_rule, "kind": cell.kind}
    return {**row, **interval("change_points", cell)}


def _known(context: Context) -> list[ProgressRow]:
    """Return the epochs with an accuracy; the turns of a ladder are no training of their own."""
    if context.study.is_ladder:
        return []
    return [x for x in context.study.learning if x.val_accuracy_frac is not None]


def _by_time(context: Context, found: Sequence[ProgressRow]) -> Picture:
    notes = [
        "Means over runs, at the end of an epoch.",
        "Time: training steps up to there, without start-up and evaluation.",
    ]
    if any(x.epoch > MAX_DRAWN_EPOCHS for x in found):
        notes.append(
            f"At most {MAX_DRAWN_EPOCHS} epochs of a line are drawn; the table `epochs` of the "
            "results has all."
        )
    if any("standin_data" in run.flags for run in context.study.group.runs):
        notes.insert(0, _STANDIN)
    lost = lost_words(context)
    if lost is not None:
        notes.append(lost)
    return Picture(
        key=context.key("accuracy_time"),
        title=context.title("Validation accuracy against time"),
        alt=f"Validation accuracy against time. {_ends(found)}",
        section=context.key("accuracy"),
        chart="learning",
        rows=tuple({**_row(x), "train_s": _time(x).value} for x in found),
        notes=tuple(notes),
    )


def _row(x: ProgressRow) -> dict[str, Datum]:
    return {
        "world_size": x.world_size,
        "lr_rule": x.lr_rule,
        "kind": "measured",
        "epoch": x.epoch,
        "val_accuracy_frac": _accuracy(x).value,
    }


def _time(x: ProgressRow) -> Cell:
    return number(x.train_s, "s")


def _accuracy(x: ProgressRow) -> Cell:
    return number(x.val_accuracy_frac, "frac")


def _ends(found: Sequence[ProgressRow]) -> str:
    """Return where every line ends."""
    last = {(x.world_size, x.lr_rule): x for x in found}
    has_rules = len({rule for _, rule in last}) > 1
    parts = []
    for (size, rule), x in last.items():
        name = f"{workers(size)}, {rule}" if has_rules else workers(size)
        parts.append(f"{name}: {show(_accuracy(x)).value} after {show(_time(x)).value}")
    return f"{'; '.join(parts)}."
