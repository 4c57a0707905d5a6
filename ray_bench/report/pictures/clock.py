"""The timed blocks over the clock of the sweep: a machine that drifts shows as a slope."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ray_bench.analysis.drift import drift
from ray_bench.report.cells import number
from ray_bench.report.context import Context
from ray_bench.report.format import show
from ray_bench.report.picture import Picture

#: Fewer points show nothing.
MIN_POINTS = 3


#: A frame is at least so high above and below the median, and so many times the usual spread.
_LEAST_FRAC = 0.02
_REACH = 3.0
#: Of the points, that many are usual.
_USUAL = (0.05, 0.95)


def frame(changes: Sequence[float]) -> list[float]:
    """Return the lowest and the highest change that is drawn: single slow blocks hide no drift."""
    low, high = np.quantile(changes, _USUAL)
    return [
        max(min(-_LEAST_FRAC, low * _REACH), min(-_LEAST_FRAC, min(changes) * 1.1), -1.0),
        min(max(_LEAST_FRAC, high * _REACH), max(_LEAST_FRAC, max(changes) * 1.1)),
    ]


def block_times(context: Context) -> Picture | None:
    """Return the step time of every block against when it ran."""
    found = context.study.block_times
    if len(found) < MIN_POINTS:
        return None
    rows = tuple(
        {
            "world_size": x.world_size,
            "run_id": x.run_id,
            "kind": "measured",
            "clock_s": number(x.clock_s, "s").value,
            "step_s": number(x.step_s, "s").value,
            "slower_frac": number(x.slower_frac, "frac").value,
            "num_blocks": x.num_blocks,
        }
        for x in found
    )
    notes = [
        "Each point: steps that were timed together on the slowest rank, against the median of its "
        "world size. Warm-up is left out. Points that rise or fall together are the machine, not "
        "the training."
    ]
    changes = [x.slower_frac for x in found]
    low, high = frame(changes)
    beyond = sum(not low <= x <= high for x in changes)
    if beyond:
        notes.append(f"{beyond} of {len(found)} points are far from the others: drawn at the edge.")
    joined = max(x.num_blocks for x in found)
    if joined > 1:
        notes.append(
            f"Up to {joined} neighbouring blocks of a run are joined in a point, so that there are "
            "not too many."
        )
    return Picture(
        key=context.key("block_times"),
        title=context.title("Step time over the sweep's clock"),
        alt=_alt(context),
        section="record",
        chart="clock",
        rows=rows,
        notes=tuple(notes),
    )


def _alt(context: Context) -> str:
    found = context.study.block_times
    span = show(number(found[-1].clock_s - found[0].clock_s, "s")).value
    changes = [x.slower_frac for x in found]
    low, high = (show(number(x, "frac")).value for x in (min(changes), max(changes)))
    return (
        f"Step times of {len(found)} blocks over {span}: from {low} to {high} against the median "
        f"of their world size.{_drift_words(context)}"
    )


def _drift_words(context: Context) -> str:
    """Return what is known of a drift; nothing where repeats do not tell."""
    found = drift(context.study.group.timed)
    if found is None:
        return ""
    if not found.is_seen:
        return " No drift is seen."
    return f" Drift: {show(number(found.change_frac.value, 'frac')).value} in throughput."
