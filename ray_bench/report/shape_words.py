"""Shapes of a curve in sentences: what the points say, then what may be behind it, as a question.

Throughput alone shows no cause. The phases of a step do, where they were measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from ray_bench.analysis.fit.shapes import Spoiler
from ray_bench.analysis.fit.slip import Slip
from ray_bench.analysis.laws.law import Mode
from ray_bench.report.cells import number
from ray_bench.report.context import workers
from ray_bench.report.format import show


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What would tell a cause, or tells it, and where nodes end if that is unknown."""

    cause: str
    nodes: str


#: Of numbers that somebody gave: nothing but throughput is known.
OF_A_FILE = Hints(
    cause="The phases of a step would tell: `ray-bench run` measures them.",
    nodes="--workers-per-node says where nodes end.",
)
#: Of a sweep without and with phases.
OF_A_SWEEP = Hints(
    cause="The phases of a step would tell: measure.phase_steps=20 samples them.", nodes=""
)
OF_A_SCRIPT = Hints(
    cause="The phases of a step would tell: they are sampled of DDP after `--steps`.", nodes=""
)
OF_A_SWEEP_WITH_PHASES = Hints(
    cause="What the phase pass saw is in the table of what loses time.", nodes=""
)

_SLIPS = {
    10.0: "a digit or a decimal point",
    60.0: "minutes for seconds",
    100.0: "per cent for a fraction",
    1000.0: "thousands, or milliseconds for seconds",
}


def shape_words(spoiler: Spoiler, mode: Mode | None, hints: Hints) -> str:
    """Return what stands out, and a question for its cause.

    Args:
        spoiler: The shape.
        mode: Which batch was fixed.
        hints: On its cause.
    """
    size, change = workers(round(spoiler.world_size)), spoiler.change
    if spoiler.trouble == "outlier":
        return _outlier(spoiler)
    step = f"from {spoiler.before:g} to {size}"
    if spoiler.trouble == "first_step":
        return (
            f"The step {step} costs each worker {_frac(change)} of its throughput, more than the "
            "later doublings do. With it workers begin to exchange gradients and to share what a "
            f"host has: which of the two is it? {hints.cause}"
        )
    words = {
        "cliff": f"There is a cliff {step}: each worker loses {_frac(change)} of its throughput, "
        "more than the other doublings show.",
        "plateau": f"Throughput stands still {step} ({100 * change:+.1f} %).",
        "fall": f"Throughput falls {step}, by {_frac(-change)}.",
    }[spoiler.trouble]
    return f"{words} {_question(spoiler, mode, hints)} {hints.cause}"


def _outlier(spoiler: Spoiler) -> str:
    side = "above" if spoiler.change > 0 else "below"
    words = (
        f"{workers(round(spoiler.world_size)).capitalize()}: an outlier, "
        f"{_frac(abs(spoiler.change))} {side} the curve of the others. Measure that world size "
        "again"
    )
    if not spoiler.is_end:
        return f"{words}."
    end = "smallest" if spoiler.before is None else "largest"
    return f"{words}: as it is the {end} one, the curve may also bend there."


def _question(spoiler: Spoiler, mode: Mode | None, hints: Hints) -> str:
    """Return what may be behind a shape, as far as the stated nodes and batches allow it."""
    batch = {
        "strong": " Or is the batch of a worker too small there?",
        "mixed": " Or is it the batch of a worker, which differs too?",
    }.get(mode or "", "")
    if spoiler.nodes is None:
        return (
            "Does a node end there, or do workers share an input, a link or cores from there on?"
            f"{batch} {hints.nodes}"
        ).rstrip()
    before, after = spoiler.nodes
    if before == after:
        where = "one node" if after == 1 else f"the same {after} nodes"
        return (
            f"Both are on {where}: do workers share an input, cores, memory bandwidth or a link "
            f"there?{batch}"
        )
    what = "A second node begins" if before == 1 else f"There are {after} nodes instead of {before}"
    link = "the link between nodes" if before == 1 else "a link or a switch that they share"
    return f"{what} there: is it {link}?{batch} `ray-bench network` measures links."


def slip_words(slip: Slip) -> str:
    """Return the question for a unit, before anything else is said."""
    first, last = slip.world_sizes[0], slip.world_sizes[-1]
    ratio = slip.ratio / slip.factor if slip.is_larger else slip.ratio * slip.factor
    verb = "divided by" if slip.is_larger else "times"
    where = f"at {first:g}" if first == last else f"from {first:g} to {last:g}"
    return (
        f"Is the unit another one {where} workers ({_SLIPS[slip.factor]})? From {slip.before:g} to "
        f"{first:g} workers throughput changes by a factor of {slip.ratio:.3g}; {verb} "
        f"{slip.factor:g} it would be {ratio:.3g}, as scaling goes. Correct the numbers, "
        "measure there again, or give --keep-jumps if they are right: nothing is forecast before "
        "that is sure."
    )


def _frac(value: float) -> str:
    return show(number(value, "frac")).value
