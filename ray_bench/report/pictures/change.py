"""The picture of a comparison: the change of what the gate looks at, by world size."""

from __future__ import annotations

from ray_bench.analysis.comparison.compare import Comparison
from ray_bench.analysis.comparison.metrics import pair_rows
from ray_bench.report.comparison_words import change_cell, percent, plain
from ray_bench.report.format import show
from ray_bench.report.picture import Picture
from ray_bench.report.pictures.rows import interval


def pictures(comparison: Comparison) -> tuple[Picture, ...]:
    """Return the picture of the first gated metric; none where only one world size is compared.

    Where several pairs of curves are compared, it shows the first.
    """
    metric = comparison.gate[0]
    # Rows are by pair, and do not say of which.
    count = sum(1 for _ in pair_rows(comparison.pairs[0], comparison.target_frac))
    rows = [x for x in comparison.rows[:count] if x.is_gated and x.metric is metric]
    if len(rows) < 2:
        return ()
    words = ", ".join(
        f"{show(change_cell(row))} with {row.world_size} ({plain(row.verdict)})" for row in rows
    )
    ends = {
        "tolerance_low": -comparison.tolerance_frac,
        "tolerance_high": comparison.tolerance_frac,
    }
    return (
        Picture(
            key="change",
            title=f"Change of {plain(metric)}",
            alt=f"Change of {plain(metric)} by number of workers: {words}.",
            section="comparison",
            chart="change",
            rows=tuple(
                {
                    "world_size": row.world_size,
                    **interval("change_frac", change_cell(row)),
                    "verdict": plain(row.verdict),
                    **ends,
                }
                for row in rows
            ),
            notes=(
                f"Band: the tolerance, {percent(comparison.tolerance_frac)}. Bars: 95 % intervals.",
            ),
        ),
    )
