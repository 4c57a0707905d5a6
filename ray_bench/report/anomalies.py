"""What is unusual about the measurements, in words: the shape, its cause if phases tell it.

Without phases a cause is a question: throughput shows none.
"""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.anomalies import Anomaly, Plateau, Retrograde, Superlinear
from ray_bench.analysis.drift import Drift
from ray_bench.analysis.outliers import OutlierRun, SlowBlocks
from ray_bench.analysis.verdict import Verdict
from ray_bench.report.cells import number
from ray_bench.report.context import workers
from ray_bench.report.format import show
from ray_bench.report.remedies import short_name

_MANY = 5
_PHASES = "The phases of a step would tell: measure.phase_steps=20 samples them."


def warnings(
    anomalies: Sequence[Anomaly], verdict: Verdict, *, is_ladder: bool
) -> list[tuple[str, str]]:
    """Return key and sentences of every kind of anomaly that was found.

    Args:
        anomalies: Of a curve.
        verdict: What limits it.
        is_ladder: Whether all world sizes took turns in one group of workers.
    """
    found = [(key, words) for one in anomalies for key, words in _single(one, verdict, is_ladder)]
    outliers = [x for x in anomalies if isinstance(x, OutlierRun)]
    slow = [x for x in anomalies if isinstance(x, SlowBlocks)]
    found += [("outlier_run", _outliers(outliers))] if outliers else []
    found += [("slow_blocks", _slow_blocks(slow))] if slow else []
    return found


def _single(anomaly: Anomaly, verdict: Verdict, is_ladder: bool) -> list[tuple[str, str]]:
    if isinstance(anomaly, Superlinear):
        return [("superlinear", _superlinear(anomaly))]
    if isinstance(anomaly, Retrograde):
        return [("retrograde", _retrograde(anomaly, verdict))]
    if isinstance(anomaly, Plateau):
        return [("plateau", _plateau(anomaly, verdict))]
    return [("drift", _drift(anomaly, is_ladder))] if isinstance(anomaly, Drift) else []


def _superlinear(found: Superlinear) -> str:
    row = found.row
    return (
        f"Superlinear: {row.world_size} workers are more than {row.ideal_speedup:g} times as fast "
        "as the baseline. Do the data of a worker fit a cache, does one worker clock lower or "
        "swap, or did the baseline share its machine? Measure the baseline again on a quiet "
        "machine before believing it."
    )


def _retrograde(found: Retrograde, verdict: Verdict) -> str:
    cause = _seen(verdict, found.after) or (
        "Does communication grow with the workers, or do they share cores, memory bandwidth or a "
        f"link? {_PHASES}"
    )
    fewer = "" if found.before == 1 else " or fewer"
    return (
        f"Throughput falls from {found.before} to {found.after} workers. {cause} Use "
        f"{workers(found.before)}{fewer} until that is mended."
    )


def _plateau(found: Plateau, verdict: Verdict) -> str:
    most = show(number(found.high_ratio - 1, "frac")).value
    cause = _seen(verdict, found.after) or (
        "Do all workers wait for one thing that they share, such as storage, memory bandwidth, "
        f"cores or a link? {_PHASES}"
    )
    return (
        f"Plateau: from {found.before} to {found.after} workers throughput grows by {most} at "
        f"most. {cause}"
    )


def _seen(verdict: Verdict, size: int) -> str | None:
    """Return what the phase pass saw at a world size; None where it did not look there."""
    if verdict.worst is None or not verdict.has_phases or verdict.judged_at != size:
        return None
    return (
        f"At {workers(size)} most of the time lost in the phase pass goes to "
        f"{short_name(verdict.worst)}."
    )


def _drift(found: Drift, is_ladder: bool) -> str:
    change = found.change_frac
    amount = show(number(abs(change.value), "frac")).value
    over = show(number(found.span_s, "s")).value
    became, cause = (
        ("faster", "Did another job end, or did files come into memory while the sweep went on?")
        if change.value > 0
        else ("slower", "Did another job start, or did heat lower the clocks?")
    )
    effect = (
        "Speedups are paired round by round, so it cancels in them; throughputs hold it."
        if is_ladder
        else "The order of runs is random, so it widens intervals more than it bends the curve; "
        "measure on a quiet machine, or with interleaved=true, where it cancels."
    )
    return (
        f"Drift: at the same world size, runs became {amount} {became} over {over}. {cause} "
        f"{effect}"
    )


def _outliers(found: Sequence[OutlierRun]) -> str:
    named = "; ".join(f"{x.run_id} is {_faster(x.change_frac)}" for x in found[:_MANY])
    more = f", and {len(found) - _MANY} more" if len(found) > _MANY else ""
    return (
        f"Outliers, against the median of their world size: {named}{more}. Was another job on "
        "the machine, were clocks others, or was storage slow in that run? They are kept in all "
        "numbers; repeat the sweep on a quiet machine, or with more repeats."
    )


def _faster(change_frac: float) -> str:
    amount = show(number(abs(change_frac), "frac")).value
    return f"{amount} {'faster' if change_frac > 0 else 'slower'}"


def _slow_blocks(found: Sequence[SlowBlocks]) -> str:
    worst = max(found, key=lambda x: x.cost_frac)
    cost = show(number(worst.cost_frac, "frac")).value
    runs = f"In {len(found)} run{'s' * (len(found) > 1)}"
    return (
        f"{runs} single blocks of steps took much longer than the typical one: at worst "
        f"{worst.num_slow} of {worst.num_blocks} blocks, {cost} of the time, in {worst.run_id}. "
        "Were there other jobs, storage that hung, or garbage collection? They are kept in all "
        "numbers."
    )
