"""A comparison in sentences: why, what to do next, and what to be careful about."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ray_bench.analysis.comparison.compare import Comparison, Outcome
from ray_bench.analysis.comparison.facts import Difference
from ray_bench.analysis.comparison.interval import LAUNCH_NOISE_FRAC
from ray_bench.analysis.comparison.row import Metric, Row, Verdict
from ray_bench.records import Results
from ray_bench.report.cells import Cell, estimate
from ray_bench.report.flags import Flag, flags_of, in_words
from ray_bench.report.format import show

#: Changes that are named in the answer; the table has all of them.
_MOST_NAMED = 4
#: More repeats than that are not worth a number.
_MOST_REPEATS = 100


def plain(word: str) -> str:
    """Return the name of a metric or verdict as it is shown: `time to accuracy`."""
    return word.replace("_", " ")


def percent(fraction: float) -> str:
    """Return `2 %`."""
    return f"{100 * fraction:g} %"


def change_cell(row: Row) -> Cell:
    """Return the change: in points where it is one of shares, else relative."""
    return estimate(row.change, "points" if row.is_share else "change")


def why(comparison: Comparison) -> str:
    """Return what the gate says, and what of it decided."""
    words = _ANSWERS[comparison.outcome](comparison)
    better = [row for row in comparison.gated if row.verdict is Verdict.BETTER]
    return f"{words} Better: {_named(better)}." if better else words


def _failed(comparison: Comparison) -> str:
    return (
        f"Worse than the base by more than the tolerance of {percent(comparison.tolerance_frac)}: "
        f"{_named(comparison.worse)}."
    )


def _passed(comparison: Comparison) -> str:
    return (
        f"No regression: a loss of more than {percent(comparison.tolerance_frac)} is ruled out for "
        f"{_places(comparison.gated)}."
    )


def _undecided(comparison: Comparison) -> str:
    reasons = []
    if comparison.open:
        reasons.append(
            f"a loss of more than {percent(comparison.tolerance_frac)} is neither shown nor ruled "
            f"out for {_places(comparison.open)}"
        )
    if comparison.missing_sizes:
        sizes = listed([str(n) for n in comparison.missing_sizes])
        reasons.append(f"the new sweep has no usable run with {sizes} workers, which it asked for")
    if comparison.num_alone:
        reasons.append("a part of the base has no counterpart in the new sweep")
    if comparison.unseen:
        metrics = listed([plain(metric) for metric in comparison.unseen])
        who = "at some world size neither sweep, or only one of them,"
        reasons.append(f"{who} tells anything about {metrics}")
    return f"Cannot tell whether it is worse: {'; '.join(reasons)}."


_ANSWERS = {
    Outcome.FAILED: _failed,
    Outcome.PASSED: _passed,
    Outcome.UNDECIDED: _undecided,
}


def _named(rows: Sequence[Row]) -> str:
    """Return `throughput with 8 workers -10.2 % (-11.3 to -9.1)`, the largest changes first."""
    ordered = sorted(rows, key=lambda row: -abs(row.change.value))
    named = [f"{place(row)} {show(change_cell(row))}" for row in ordered[:_MOST_NAMED]]
    more = len(rows) - len(named)
    return ", ".join(named) + (f", and {more} more" if more else "")


def place(row: Row) -> str:
    """Return `throughput with 8 workers`."""
    return f"{plain(row.metric)}{_with([row.world_size])}"


def _places(rows: Sequence[Row]) -> str:
    """Return `throughput with 1, 2 and 4 workers, memory with 4 workers`."""
    by_metric: dict[Metric, list[int | None]] = {}
    for row in rows:
        by_metric.setdefault(row.metric, []).append(row.world_size)
    return ", ".join(f"{plain(metric)}{_with(sizes)}" for metric, sizes in by_metric.items())


def _with(sizes: Sequence[int | None]) -> str:
    known = sorted({size for size in sizes if size is not None})
    if not known:
        return ""
    return f" with {listed([str(n) for n in known])} worker{'s' * (known != [1])}"


def listed(words: Sequence[str]) -> str:
    """Return `1, 2 and 4`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def next_steps(comparison: Comparison) -> Iterator[str]:
    """Yield what to do about the outcome."""
    if comparison.outcome is Outcome.FAILED:
        yield (
            "Look at `ray-bench report` of both sweeps: where the time of a step goes tells which "
            "part became slower."
        )
    if comparison.missing_sizes:
        yield "`ray-bench report` of the new sweep lists the causes of failed runs."
    if comparison.open:
        yield _narrower(comparison)


def _narrower(comparison: Comparison) -> str:
    if any(row.change.low is None for row in comparison.open):
        return "Measure both with repeats=3 or more: without repeats there is no interval."
    if _is_noise_assumed(comparison):
        return (
            "Measure both with repeats=3 or more, not interleaved: one launch does not show the "
            "noise between launches, which had to be assumed. Or give a larger --tolerance."
        )
    most = repeats_that_would_do(comparison)
    if most is None:
        return "The change is near the tolerance, or the noise too large for it: measure more."
    words = f"about {most}" if most <= _MOST_REPEATS else f"more than {_MOST_REPEATS}"
    return (
        f"With {words} repeats of each sweep the interval would be as narrow as the tolerance; a "
        "quieter machine needs fewer."
    )


def repeats_that_would_do(comparison: Comparison) -> int | None:
    """Return the repeats that let every open row be judged; None where that is not known."""
    needed = [_repeats_needed(row, comparison.tolerance_frac) for row in comparison.open]
    known = [count for count in needed if count is not None]
    return max(known, default=None) if len(known) == len(needed) else None


def _repeats_needed(row: Row, tolerance_frac: float) -> int | None:
    """Return repeats for a half-width of the tolerance; None where more would not help."""
    low, high = row.change.low, row.change.high
    if row.log_change is None or low is None or high is None or tolerance_frac == 0 or low <= -1:
        return None
    half_width = (math.log1p(high) - math.log1p(low)) / 2
    needed = math.ceil(row.log_change.num_runs * (half_width / tolerance_frac) ** 2)
    return needed if needed > row.log_change.num_runs else None


def flags(comparison: Comparison, base: Results, new: Results) -> tuple[Flag, ...]:
    """Return what the reader has to know, then the flags of both sweeps."""
    found = [*_flags(comparison, base, new)]
    for name, results in (("base", base), ("new", new)):
        for flag in flags_of(results, ()):
            words = f"{name.capitalize()}: {flag.text[:1].lower()}{flag.text[1:]}"
            found.append(Flag(f"{name}_{flag.key}", words, flag.num_runs))
    return tuple(found)


def _flags(comparison: Comparison, base: Results, new: Results) -> Iterator[Flag]:
    if comparison.outcome is Outcome.UNDECIDED:
        yield Flag(
            "cannot_tell",
            "A regression is not ruled out. The exit code is 3 with --strict, and 0 without.",
        )
    if comparison.missing_sizes:
        sizes = ", ".join(str(n) for n in comparison.missing_sizes)
        words = f"The new sweep asked for world sizes that have no usable run: {sizes}."
        yield Flag("missing_in_new", words)
    if (base.sweep.sweep_id, base.runs) == (new.sweep.sweep_id, new.runs):
        yield Flag("same_sweep", "Base and new are the same sweep: every change is 0.")
    if comparison.num_alone:
        words = "Curves of the base are compared with nothing, for nothing new is comparable: "
        yield Flag("not_compared", f"{words}{comparison.num_alone}.")
    if allowed := allowed_differences(comparison):
        named = ", ".join(difference_words(x) for x in allowed)
        words = f"Compared because it was allowed, though they differ in: {named}."
        yield Flag("allowed_difference", words)
    if _is_noise_assumed(comparison):
        words = (
            "One launch a world size, or one ladder, does not show the noise between launches; "
            f"{percent(LAUNCH_NOISE_FRAC)} of it is assumed for throughput and what follows from "
            "it, which may be too little."
        )
        yield Flag("launch_noise_assumed", words)
    versions = {run.environment_hash for run in (*base.runs, *new.runs)}
    hosts = {**base.environments, **new.environments}
    if len({hosts[key].ray_bench_version for key in versions if key in hosts}) > 1:
        words = "They were measured with different versions of ray_bench, the instrument itself."
        yield Flag("other_instrument", words)


def _is_noise_assumed(comparison: Comparison) -> bool:
    sides = (side for pair in comparison.pairs for side in (pair.base, pair.new))
    return any(side.is_noise_assumed for side in sides)


def allowed_differences(comparison: Comparison) -> tuple[Difference, ...]:
    """Return the differences that would have been refused."""
    found = (x for pair in comparison.pairs for x in pair.differences if x.is_refused)
    return tuple(dict.fromkeys(found))


def paid_words(price: float | None, currency: str) -> str:
    """Return what the cost is: of an epoch, in money where there is a price."""
    paid = "worker-time" if price is None else f"at {price:g} {currency} per worker and hour"
    return f"Cost: of an epoch, {paid}."


def differences_in_words(comparison: Comparison) -> str:
    """Return what differs between the two, the first few by name."""
    found = dict.fromkeys(x for pair in comparison.pairs for x in pair.differences)
    names = [difference_words(x) for x in (*found, *comparison.settings)]
    if not names:
        return "Nothing that is recorded differs between them."
    more = len(names) - _MOST_NAMED
    shown = ", ".join(names[:_MOST_NAMED]) + (f", and {more} more" if more > 0 else "")
    return f"What differs: {shown}."


def difference_words(difference: Difference) -> str:
    """Return `batch (128 and 256)`."""
    values = f"{in_words(difference.base)} and {in_words(difference.new)}"
    return f"{difference.name} ({values})"
