"""What is unusual about the measurements, in words: likely causes, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.anomalies import Anomaly, Plateau, Retrograde, Superlinear
from ray_bench.analysis.drift import Drift
from ray_bench.analysis.outliers import OutlierRun, SlowBlocks
from ray_bench.report.cells import number
from ray_bench.report.context import workers
from ray_bench.report.format import show

_MANY = 5


def warnings(anomalies: Sequence[Anomaly], *, is_ladder: bool) -> list[tuple[str, str]]:
    """Return key and sentences of every kind of anomaly that was found."""
    found = [(key, words) for one in anomalies for key, words in _single(one, is_ladder)]
    outliers = [x for x in anomalies if isinstance(x, OutlierRun)]
    slow = [x for x in anomalies if isinstance(x, SlowBlocks)]
    found += [("outlier_run", _outliers(outliers))] if outliers else []
    found += [("slow_blocks", _slow_blocks(slow))] if slow else []
    return found


def _single(anomaly: Anomaly, is_ladder: bool) -> list[tuple[str, str]]:
    if isinstance(anomaly, Superlinear):
        return [("superlinear", _superlinear(anomaly))]
    if isinstance(anomaly, Retrograde):
        return [("retrograde", _retrograde(anomaly))]
    if isinstance(anomaly, Plateau):
        return [("plateau", _plateau(anomaly))]
    return [("drift", _drift(anomaly, is_ladder))] if isinstance(anomaly, Drift) else []


def _superlinear(found: Superlinear) -> str:
    row = found.row
    return (
        f"Superlinear: {row.world_size} workers are more than {row.ideal_speedup:g} times as fast "
        "as the baseline. Likely: the data of a worker fit a cache, one worker clocks lower or "
        "swaps, or the baseline shared its machine. Measure the baseline again on a quiet machine "
        "before believing it."
    )


def _retrograde(found: Retrograde) -> str:
    return (
        f"Throughput falls from {found.before} to {found.after} workers. Likely: communication "
        "that grows with the workers, or workers that share cores, memory bandwidth or a link. "
        f"Use {workers(found.before)} or fewer, or lift that limit."
    )


def _plateau(found: Plateau) -> str:
    most = show(number(found.high_ratio - 1, "frac")).value
    return (
        f"Plateau: from {found.before} to {found.after} workers throughput grows by {most} at "
        "most. Likely: all workers wait for one thing that they share, such as storage, memory "
        "bandwidth, cores or a link. More workers do not help until it is faster."
    )


def _drift(found: Drift, is_ladder: bool) -> str:
    change = found.change_frac
    amount = show(number(abs(change.value), "frac")).value
    over = show(number(found.span_s, "s")).value
    became, cause = (
        ("faster", "another job ended, or files came into memory while the sweep went on")
        if change.value > 0
        else ("slower", "another job started, or heat lowered the clocks")
    )
    effect = (
        "Speedups are paired round by round, so it cancels in them; throughputs hold it."
        if is_ladder
        else "The order of runs is random, so it widens intervals more than it bends the curve; "
        "measure on a quiet machine, or with interleaved=true, where it cancels."
    )
    return (
        f"Drift: at the same world size, runs became {amount} {became} over {over}. Likely: "
        f"{cause}. {effect}"
    )


def _outliers(found: Sequence[OutlierRun]) -> str:
    named = "; ".join(f"{x.run_id} is {_faster(x.change_frac)}" for x in found[:_MANY])
    more = f", and {len(found) - _MANY} more" if len(found) > _MANY else ""
    return (
        f"Outliers, against the median of their world size: {named}{more}. Likely: another job on "
        "the machine, other clocks, or slow storage in that run. They are kept in all numbers; "
        "repeat the sweep on a quiet machine, or with more repeats."
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
        "Likely: other jobs, storage that hangs, or garbage collection. They are kept in all "
        "numbers."
    )
