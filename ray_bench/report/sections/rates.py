"""The learning rate as it was applied, at a few places of the training."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.rates import rate_rows
from ray_bench.report.cells import Section, Table, asked, number, table, text
from ray_bench.report.context import Context
from ray_bench.report.format import show


def sections(contexts: Sequence[Context]) -> tuple[Section, ...]:
    """Return the section of every curve whose blocks have the rate that was applied."""
    found = [(context, rates_table(context)) for context in contexts]
    return tuple(
        Section(context.key("rates"), context.title("Learning rate as applied"), tables=(made,))
        for context, made in found
        if made is not None
    )


def says(contexts: Sequence[Context]) -> str:
    """Return the highest rate of any world size."""
    found = [x.lr for c in contexts for x in rate_rows(c.study.group.runs, c.results.blocks)]
    return f"at most {show(number(max(found), 'lr')).value}, by samples seen"


def rates_table(context: Context) -> Table | None:
    """Return the table; None where no block has the rate that was applied."""
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "samples": "Samples seen",
        "lr": "Learning rate",
    }
    found = rate_rows(context.study.group.runs, context.results.blocks)
    rows = [
        (asked(row.world_size), text(row.lr_rule), asked(row.num_samples), number(row.lr, "lr"))
        for row in found
    ]
    notes = [
        "As the optimizer had it in the last step of a timed block (first parameter group), in one "
        "run of each; the highest is among them. The table `blocks` has all."
    ]
    if not rows:
        return None
    return table(context.key("applied_rates"), "Learning rate as applied", columns, rows, notes)
