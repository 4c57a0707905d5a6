"""The gradient noise scale against the number of workers, with the global batch."""

from __future__ import annotations

from ray_bench.analysis.noise_scale import NoiseRow
from ray_bench.report.cells import asked
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import interval
from ray_bench.report.sections.noise import scale_cell

BATCH = "global batch"


def noise_scale(context: Context) -> Picture | None:
    """Return the noise scale of every world size and rule where it is known."""
    found = [row for row in context.study.noise if row.noise_scale is not None]
    if not found:
        return None
    has_rules = len({row.lr_rule for row in found}) > 1
    batches = {row.world_size: row.global_batch_size for row in found}
    return Picture(
        key=context.key("noise_scale"),
        title=context.title("Gradient noise scale against workers"),
        alt=f"Gradient noise scale. {'; '.join(_words(row, has_rules) for row in found)}.",
        section=context.key("accuracy"),
        chart="batch",
        rows=(
            *(_row(row, has_rules) for row in found),
            *(
                {
                    "world_size": size,
                    "series": BATCH,
                    "kind": None,
                    **interval("batch_samples", asked(batch)),
                }
                for size, batch in batches.items()
            ),
        ),
        notes=(
            "At the weights that training ended with; before, it was usually less. Bars: 95 % "
            "intervals. A global batch well below it scales well, one well above it costs samples.",
        ),
    )


def _name(row: NoiseRow, has_rules: bool) -> str:
    return f"noise scale, {row.lr_rule}" if has_rules else "noise scale"


def _row(row: NoiseRow, has_rules: bool) -> dict[str, Datum]:
    return {
        "world_size": row.world_size,
        "series": _name(row, has_rules),
        "kind": "measured",
        **interval("batch_samples", scale_cell(row)),
    }


def _words(row: NoiseRow, has_rules: bool) -> str:
    rule = f", rule {row.lr_rule}" if has_rules else ""
    shown = show(scale_cell(row))
    return (
        f"With {workers(row.world_size)}{rule} {shown.value} samples ({shown.interval}), the "
        f"global batch is {row.global_batch_size}"
    )
