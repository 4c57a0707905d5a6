"""Accuracy by world size and learning-rate rule."""

from __future__ import annotations

from ray_bench.analysis.accuracy import AccuracyRow
from ray_bench.report.cells import Cell, Section, Table, asked, estimate, number, table, text
from ray_bench.report.context import Context
from ray_bench.report.evaluation import evaluated_words
from ray_bench.report.sections.noise import noise_table
from ray_bench.report.sections.progress import progress_table
from ray_bench.report.sections.rates import rates_table


def section(context: Context) -> Section:
    """Return the accuracy section."""
    tables = [_accuracy(context), progress_table(context)]
    rates = rates_table(context)
    if rates is not None:
        tables.append(rates)
    if context.study.noise:
        tables.append(noise_table(context))
    return Section(context.key("accuracy"), context.title("Accuracy"), tables=tuple(tables))


def _accuracy(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "lr": "Learning rate",
        "runs": "Runs",
        "seeds": "Seeds",
        "train": "Final training",
        "val": "Final validation",
        "best": "Best validation",
        "epoch": "Converged at epoch",
        "difference": "Validation against baseline",
    }
    rows = [_row(row) for row in context.study.accuracy]
    return table(context.key("accuracy"), "Accuracy", columns, rows, _notes(context))


def _row(row: AccuracyRow) -> tuple[Cell, ...]:
    return (
        asked(row.world_size),
        text(row.lr_rule),
        asked(row.lr, "lr"),
        asked(row.num_runs),
        asked(row.num_seeds),
        number(row.train_frac, "frac"),
        estimate(row.val, "frac"),
        number(row.best_val_frac, "frac"),
        number(row.convergence_epoch, "count"),
        estimate(row.difference, "points"),
    )


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
