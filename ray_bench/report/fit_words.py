"""A fitted curve in sentences: the law that is taken, and what to be careful about."""

from __future__ import annotations

import math
from collections.abc import Callable

from ray_bench.analysis.fit.choose import MAX_MISS, Candidate, ruling
from ray_bench.analysis.fit.forecast import CurveFit
from ray_bench.analysis.fit.reach import MAX_SPREAD
from ray_bench.analysis.fit.warnings import FAR_FACTOR, Warning
from ray_bench.report.cells import number
from ray_bench.report.context import workers
from ray_bench.report.format import show
from ray_bench.report.shape_words import OF_A_FILE, Hints, shape_words, slip_words


def law_words(fit: CurveFit) -> str:
    """Return which law is taken, and by which rule."""
    if fit.slips:
        return "No law is taken before the units are sure."
    if not fit.is_tested:
        return "No law is taken: two world sizes test none."
    taken = fit.chosen
    if taken is None:
        return _none_fits(fit)
    law = taken.test.law
    weight = show(number(taken.weight, "frac")).value
    words = f"Law: {law.title}, {law.formula}. {_errors(taken)} {_rule(fit)}"
    if len(fit.candidates) == 1:
        return words
    return (
        f"{words} The forecast goes on from the last points and weighs {len(fit.candidates)} laws "
        f"by how well each predicted; this one has {weight}."
    )


def _none_fits(fit: CurveFit) -> str:
    least = min(fit.candidates, key=lambda x: x.worst_miss)
    at = abs(least.fit.residuals).argmax()
    size = round(float(fit.points.place.world_size[at]))
    return (
        f"No law fits: the closest one, {least.test.law.title}, misses {workers(size)} by "
        f"{_frac(abs(math.expm1(float(least.fit.residuals[at]))))}."
    )


def _rule(fit: CurveFit) -> str:
    """Return what the law was taken for, as `choose` has it."""
    found = ruling(fit.candidates, fit.points)
    assert found is not None, "a law was taken"
    if found.num_fitting == 1:
        least = f"{100 * MAX_MISS:g} %"
        return (
            f"It was taken as the only one of {len(fit.candidates)} laws that misses no point by "
            f"more than {least} and its noise."
        )
    best, taken = found.best.test.law, found.taken.test.law
    if best.num_parameters > taken.num_parameters:
        return (
            f"It was taken because its error is within one standard error of the smallest, that of "
            f"the law {best.title}, and it has fewer parameters."
        )
    return (
        f"It was taken because its error is the smallest of the {found.num_fitting} laws that fit, "
        "and none with fewer parameters is within one standard error of it."
    )


def _errors(candidate: Candidate) -> str:
    forward, left = candidate.test.forward_error, candidate.test.left_out_error
    parts = []
    if forward is not None:
        parts.append(f"from smaller world sizes alone to {_frac(forward)}")
    if left is not None:
        parts.append(f"from all others to {_frac(left)}")
    if not parts:
        return "It could not be back-tested."
    return f"It predicted the measured points {' and '.join(parts)} on average."


def _frac(value: float) -> str:
    return show(number(value, "frac")).value


def warning_words(warning: Warning, hints: Hints = OF_A_FILE) -> str:
    """Return a warning as sentences, with what to do.

    Args:
        warning: One thing.
        hints: On the cause of a shape.
    """
    if warning.spoiler is not None:
        return shape_words(warning.spoiler, warning.mode, hints)
    if warning.slip is not None:
        return slip_words(warning.slip)
    return _WORDS[warning.kind](warning)


def _size(warning: Warning) -> str:
    return workers(round(warning.world_size or 0))


def _falling(warning: Warning) -> str:
    words = "No law fits, and the largest world size has less throughput than the one before. "
    if not warning.is_told:
        return f"{words}Nothing says that more workers win it back."
    return (
        f"{words}Nothing says that more workers win it back: the forecast beyond stays at what was "
        "measured there or below, and its interval is all that is known."
    )


def _no_law_fits(warning: Warning) -> str:
    if not warning.is_told:
        return "No law fits."
    return (
        "No law fits. The forecast goes on from the last points, and its interval is all that is "
        "known."
    )


def _two_points(warning: Warning) -> str:
    how = "; the forecast is the middle of the laws that go through both" if warning.is_told else ""
    return f"Two world sizes test no law{how}. Measure a third one."


def _beyond_reach(warning: Warning) -> str:
    words = f"What {_size(warning)} would give is not known from these points"
    if warning.names == ("two_points",):
        return (
            f"{words}: two world sizes carry a forecast over one doubling at most, and over no "
            "boundary between nodes that was not measured."
        )
    return (
        f"{words}: its 95 % interval would reach further than {MAX_SPREAD:g} times up or down. "
        "Measure a world size nearer to it, or repeat the measured ones."
    )


def _refused(warning: Warning) -> str:
    names = "; ".join(warning.names)
    return f"Not tried, because they have as many parameters as there are points: {names}."


_WORDS: dict[str, Callable[[Warning], str]] = {
    "no_law_fits": _no_law_fits,
    "falling": _falling,
    "two_points": _two_points,
    "beyond_reach": _beyond_reach,
    "no_inter_node": lambda w: (
        f"There is no inter-node measurement: {_size(w)} need a second node, and no "
        "measured point has one. The interval is wide for that. Measure two nodes, or state the "
        "link: `ray-bench fit` takes --link and --gradient-bytes."
    ),
    "stated_link": lambda w: (
        f"There is no inter-node measurement: {_size(w)} need a second node. The link is "
        "as stated, and a step may wait for none or all of a ring transfer over it."
    ),
    "mixed_batch": lambda w: (
        f"The batch per worker differs by up to a factor of {w.spread:.3g} between world sizes, "
        "and the global one differs too: speedup and efficiency show both changes at once. The "
        "laws know the batch of every point. Where --global-batch-size does not state the batch of "
        "the forecast, it goes on as it changed before, and the interval is wide enough for any "
        "batch between the last global one and the last one of a worker."
    ),
    "unknown_node": lambda w: (
        f"The size of a node is unknown: beyond {_size(w)} another link may be slower. "
        "Give --workers-per-node."
    ),
    "no_repeats": lambda _: (
        "There are no repeats: the noise of a point is taken as 2 %. Give several rows a "
        "world size."
    ),
    "misfit": lambda w: (
        f"{w.names[0]} misses the points by more than their noise explains: do not trust it far "
        "away."
    ),
    "superlinear": lambda w: (
        f"Superlinear: {_size(w)} give more per worker than the smallest world size. Do the data "
        "of a worker fit a cache, did clocks differ, or did the baseline share its machine?"
    ),
    "far": lambda w: (
        f"{_size(w)} are more than {FAR_FACTOR:g} times the largest measured world size."
    ),
    "no_peak": lambda _: (
        "A peak of throughput is not a measurement here: the interval of the coherency kappa "
        "reaches 0."
    ),
    "refused": _refused,
}
