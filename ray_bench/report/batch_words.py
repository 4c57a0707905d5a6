"""How large the batches were, in words and tables: as counted where that is not as asked for."""

from __future__ import annotations

import math

from ray_bench.analysis.batches import BatchRow, TokenRow, batch_rows, token_rows
from ray_bench.analysis.study import Study
from ray_bench.report.cells import Table, asked, log_estimate, number, table
from ray_bench.report.context import Context


def batch_words(study: Study) -> str:
    """Return the samples of a step: what was fixed, or what came where that is something else."""
    rows = batch_rows(study.group.runs)
    if not rows:
        where = "per worker" if study.scaling == "weak" else "in all"
        return f"{study.batch_size} samples per step {where}"
    runs = study.group.runs
    mean = math.fsum(run.mean_local_samples or 0.0 for run in runs) / len(runs)
    least = min((row.least for row in rows if row.least is not None), default=None)
    most = max((row.most for row in rows if row.most is not None), default=None)
    spread = "" if least == most else f", from {least} to {most}"
    return f"mean {mean:.4g} samples per step per worker{spread} (the batches are the workload's)"


def batch_tables(context: Context) -> tuple[Table, ...]:
    """Return the tables of batches and of tokens, where there is something to say."""
    runs = context.study.group.runs
    batches, tokens = batch_rows(runs), token_rows(runs)
    return (
        *([_batches(context, batches)] if batches else []),
        *([_tokens(context, tokens)] if tokens else []),
    )


def _batches(context: Context, rows: tuple[BatchRow, ...]) -> Table:
    columns = {
        "world_size": "Workers",
        "asked": "Asked for",
        "mean": "Mean",
        "least": "Least",
        "most": "Most",
    }
    cells = [
        (
            asked(x.world_size),
            asked(x.asked),
            *(number(n, "count") for n in (x.mean, x.least, x.most)),
        )
        for x in rows
    ]
    notes = (
        "Samples of one worker in a step, as they were counted; the last batch of an epoch, which "
        "may be smaller, is in the mean alone.",
    )
    return table(context.key("batches"), "Batches", columns, cells, notes)


def _tokens(context: Context, rows: tuple[TokenRow, ...]) -> Table:
    columns = {
        "world_size": "Workers",
        "throughput": "Tokens/s",
        "per_sample": "Tokens per sample",
        "per_step": "Tokens per step and worker",
    }
    cells = [
        (
            asked(x.world_size),
            log_estimate(x.throughput, "tokens/s"),
            number(x.per_sample, "count"),
            number(x.per_step, "count"),
        )
        for x in rows
    ]
    return table(context.key("tokens"), "Tokens", columns, cells)
