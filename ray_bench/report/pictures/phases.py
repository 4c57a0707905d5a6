"""The time of a step by phase, stacked, against the number of workers."""

from __future__ import annotations

from ray_bench.analysis.phases import PhaseSplit
from ray_bench.report.cells import asked, estimate, number
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import interval


def phases(context: Context) -> Picture | None:
    """Return the phases of a step at every world size."""
    splits = context.study.phases
    if not splits:
        return None
    return Picture(
        key=context.key("phases"),
        title=context.title("Step time by phase against workers"),
        alt=f"Step time by phase. {' '.join(_words(split) for split in splits)}",
        section=context.key("phases"),
        chart="stack",
        rows=tuple(row for split in splits for row in _rows(split)),
        notes=(
            "From a separate pass with hooks, mean over ranks, sampled steps and runs. The phases "
            "of a step happen from bottom to top; together they are the step. Skew wait: for the "
            "slowest rank. Exposed comm: transfer that the backward pass does not hide.",
        ),
    )


def _rows(split: PhaseSplit) -> list[dict[str, Datum]]:
    return [
        {
            "world_size": split.world_size,
            "phase": name.replace("_", " "),
            "kind": "measured",
            **interval("step_s", estimate(step, "s")),
            "share_frac": number(step.value / split.total_s, "frac").value,
        }
        for name, step in split.step.items()
    ]


def _words(split: PhaseSplit) -> str:
    longest = sorted(split.step_s, key=lambda name: -split.step_s[name])[:2]
    parts = ", ".join(
        f"{name.replace('_', ' ')} {show(asked(split.share(name), 'frac')).value}"
        for name in longest
    )
    total = show(estimate(split.total, "s")).value
    return f"With {workers(split.world_size)} {total} a step, most of it {parts}."
