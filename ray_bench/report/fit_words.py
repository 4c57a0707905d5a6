"""A fitted curve in sentences: the law that is taken, and what to be careful about."""

from __future__ import annotations

from collections.abc import Callable

from ray_bench.analysis.fit.choose import Candidate
from ray_bench.analysis.fit.forecast import CurveFit
from ray_bench.analysis.fit.warnings import FAR_FACTOR, Warning
from ray_bench.report.cells import number
from ray_bench.report.format import show


def law_words(fit: CurveFit) -> str:
    """Return which law is taken, and why."""
    if fit.chosen is None:
        if not fit.is_tested:
            return "No law can be tested with two world sizes."
        return "No law fits: every one misses some point by a lot."
    taken = fit.chosen
    others = [x for x in fit.candidates if x is not taken]
    words = f"Law: {taken.test.law.title}, {taken.test.law.formula}. {_errors(taken)}"
    if not others:
        return words
    weight = show(number(taken.weight, "frac")).value
    return (
        f"{words} It is the simplest of the laws that predict as well as the best one. The "
        f"forecast goes on from the last points and weighs {len(fit.candidates)} laws by how well "
        f"each predicted; this one has {weight}."
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


def warning_words(warning: Warning) -> str:
    """Return a warning as sentences, with what to do."""
    return _WORDS[warning.kind](warning)


def _size(warning: Warning) -> str:
    return f"{warning.world_size:g}" if warning.world_size is not None else "?"


def _outlier(warning: Warning) -> str:
    assert warning.spoiler is not None
    change = warning.spoiler.change
    side = "above" if change > 0 else "below"
    return (
        f"{_size(warning)} workers are an outlier: {_frac(abs(change))} {side} the curve of the "
        "other points. Measure them again."
    )


def _cliff(warning: Warning) -> str:
    assert warning.spoiler is not None
    before = warning.spoiler.before
    return (
        f"There is a cliff from {before:g} to {_size(warning)} workers: each worker loses "
        f"{_frac(warning.spoiler.change)} of its throughput. Look for a node boundary or another "
        "link between them; --workers-per-node tells the laws of one."
    )


def _plateau(warning: Warning) -> str:
    assert warning.spoiler is not None
    return (
        f"{_size(warning)} workers are on a plateau: they bring no more than "
        f"{warning.spoiler.before:g}. They wait for something that they share, mostly the input of "
        "their node."
    )


def _refused(warning: Warning) -> str:
    names = "; ".join(warning.names)
    return f"Not tried, because they have as many parameters as there are points: {names}."


_WORDS: dict[str, Callable[[Warning], str]] = {
    "no_law_fits": lambda _: (
        "No law fits. The forecast goes on from the last points, and its interval is all that is "
        "known."
    ),
    "falling": lambda _: (
        "No law fits, and throughput fell at the largest world size. Nothing says that more "
        "workers win it back: the forecast beyond stays at what was measured there or below, and "
        "its interval is all that is known."
    ),
    "outlier": _outlier,
    "cliff": _cliff,
    "plateau": _plateau,
    "two_points": lambda _: (
        "Two world sizes test no law; the forecast is the middle of the laws that go through both. "
        "Measure a third one."
    ),
    "no_inter_node": lambda w: (
        f"There is no inter-node measurement: {_size(w)} workers need a second node, and no "
        "measured point has one. The interval is wide for that. Measure two nodes, or state the "
        "link: `ray-bench fit` takes --link and --gradient-bytes."
    ),
    "stated_link": lambda w: (
        f"There is no inter-node measurement: {_size(w)} workers need a second node. The link is "
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
        f"The size of a node is unknown: beyond {_size(w)} workers another link may be slower. "
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
        f"Superlinear: {_size(w)} workers give more per worker than the smallest world size. Look "
        "for caches, turbo clocks, or a baseline that shared its machine."
    ),
    "far": lambda w: (
        f"{_size(w)} workers are more than {FAR_FACTOR:g} times the largest measured world size."
    ),
    "no_peak": lambda _: (
        "A peak of throughput is not a measurement here: the interval of the coherency kappa "
        "reaches 0."
    ),
    "refused": _refused,
}
