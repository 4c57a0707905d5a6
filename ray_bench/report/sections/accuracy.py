"""Accuracy by world size and learning-rate rule."""

from __future__ import annotations

from collections import Counter

from ray_bench.analysis.accuracy import AccuracyRow
from ray_bench.report.accuracy_words import accuracy_row, accuracy_title, lost_words
from ray_bench.report.cells import Section, Table
from ray_bench.report.context import Context, workers
from ray_bench.report.evaluation import evaluated_words
from ray_bench.report.fields import Field, rows_table
from ray_bench.report.sections.progress import progress_table


def section(context: Context) -> Section:
    """Return the accuracy section."""
    tables = (_accuracy(context), progress_table(context))
    return Section(context.key("accuracy"), context.title("Accuracy by epoch"), tables=tables)


def says(context: Context) -> str:
    """Return the main finding: whether accuracy is shown to differ."""
    rows = context.study.accuracy
    if not rows:
        return "no accuracy was measured"
    said = accuracy_row(context)
    return f"{workers(rows[0].world_size)} alone" if said is None else accuracy_title(context, said)


def _accuracy(context: Context) -> Table:
    cells = Counter(row.world_size for row in context.study.accuracy)
    fields: tuple[Field[AccuracyRow], ...] = (
        Field("world_size", "Workers", "count", None, lambda x: x.world_size),
        Field("rule", "Rate rule", None, None, lambda x: x.lr_rule),
        # Of one rule the numbers of all sizes have rate and accuracy.
        Field(
            "lr", "Learning rate", "lr", None, lambda x: x.lr if cells[x.world_size] > 1 else None
        ),
        Field(
            "runs", "Runs", "count", None, lambda x: x.num_runs if cells[x.world_size] > 1 else None
        ),
        Field("seeds", "Seeds", "count", None, lambda x: x.num_seeds),
        Field("diverged", "Diverged", "count", None, lambda x: x.num_diverged or None),
        Field("stopped", "Stopped", "count", None, lambda x: x.num_stopped or None),
        Field("train", "Final training", "frac", "measured", lambda x: x.train_frac),
        Field(
            "val",
            "Final validation",
            "frac",
            "measured",
            lambda x: x.val if cells[x.world_size] > 1 else None,
        ),
        Field("best", "Best validation", "frac", "measured", lambda x: x.best_val_frac),
        Field("epoch", "Converged at epoch", "count", "measured", lambda x: x.convergence_epoch),
        Field(
            "difference",
            "Validation against baseline",
            "points",
            "measured",
            lambda x: x.difference,
        ),
    )
    title = "Accuracy by learning-rate rule"
    rows = context.study.accuracy
    return rows_table(context.key("accuracy"), title, fields, rows, _notes(context))


def _notes(context: Context) -> list[str]:
    rows = context.study.accuracy
    evaluated = [words for words in [evaluated_words(context)] if words is not None]
    if not rows:
        return ["No accuracy was measured.", *evaluated]
    notes = [
        "Converged: the first epoch whose validation accuracy is within one binomial standard "
        "error of the run's best, mean over runs. pp: percentage points. Intervals: binomial error "
        "of the validation set, and t (Welch) from the spread between seeds where there are "
        "several; repeats of a seed train the same model again and do not count.",
        *evaluated,
    ]
    lost = lost_words(context)
    if lost is not None:
        notes.insert(0, lost)
    if any("standin_data" in run.flags for run in context.study.group.runs):
        notes.insert(
            0,
            f"Stand-in data ({context.study.first.dataset or 'unknown'}): these accuracies are not "
            "those of the data set in the workload's name.",
        )
    if any(row.num_seeds == 1 for row in rows):
        notes.append(
            "One seed only: the spread between seeds is unknown, so intervals are too narrow. "
            "Use seeds=[0,1,2]."
        )
    return notes
