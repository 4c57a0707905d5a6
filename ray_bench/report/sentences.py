"""The answer and the findings in words, chosen by what the intervals allow to say."""

from __future__ import annotations

from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.analysis.times import saving
from ray_bench.analysis.verdict import Bottleneck, Reason, clean_sizes
from ray_bench.records import Results
from ray_bench.report.cells import Unit, estimate, number
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show

_BOTTLENECKS = {
    Bottleneck.COMMUNICATION: (
        "exposed communication (gradients that wait for the network)",
        "Try a larger batch per worker, another `ddp.bucket_cap_mb`, bf16, or a faster link.",
    ),
    Bottleneck.DATA: (
        "data loading and copying",
        "Try more loader processes, data in memory, or faster storage.",
    ),
    Bottleneck.COMPUTE: (
        "forward and backward, which do not shrink as the batch is split",
        "Try a larger batch per worker, and look for cores or memory bandwidth that workers share.",
    ),
    Bottleneck.OPTIMIZER: (
        "the optimizer, which every worker repeats in full",
        "Try a larger batch, so that there are fewer steps, or a fused optimizer.",
    ),
    Bottleneck.OTHER: (
        "time that no phase explains (Python, hooks, synchronisation)",
        "Try a larger batch per worker, and profile one step.",
    ),
}


def answer_without_runs(results: Results) -> str:
    """Return the answer where no run can be used."""
    failed, missing = len(results.failed_runs), len(results.missing_run_ids)
    invalid = len(results.ok_runs)
    return (
        "Cannot say how many workers to use: no valid run finished "
        f"({failed} failed, {invalid} invalid, {missing} missing)."
    )


def answer(context: Context) -> str:
    """Return the answer in a few sentences: workers, what they buy, and the limit."""
    verdict = context.study.verdict
    prefix = f"Group {context.number}: " if context.num_groups > 1 else ""
    words = _no_answer(context) if verdict.recommended is None else _answer(context)
    return f"{prefix}{words}"


def _no_answer(context: Context) -> str:
    study = context.study
    if study.verdict.reason is Reason.OVERSUBSCRIBED:
        return (
            "No scaling claim: runs with more ranks than cores or GPUs (oversubscribed) say "
            "nothing about scaling. Measure on a host with one core or GPU per worker."
        )
    if study.verdict.reason is Reason.NO_INTERVAL:
        return (
            "Cannot say how many workers to use: there are too few runs and blocks for an "
            "interval. Next: repeats=3."
        )
    if study.verdict.reason is Reason.NOTHING_MEASURED:
        return (
            "Cannot say how many workers to use: no run was long enough to time. Next: more steps."
        )
    return (
        f"Cannot say how many workers to use: only {workers(one_size(context))} was measured. "
        f"Next: world_sizes=[{one_size(context)},{2 * one_size(context)}]."
    )


def one_size(context: Context) -> int:
    """Return the only world size that carries a claim."""
    clean = [n for n in clean_sizes(context.study.group.runs) if n in context.study.throughput]
    return clean[0] if clean else context.study.baseline


def _answer(context: Context) -> str:
    verdict = context.study.verdict
    best = verdict.recommended
    rows = {row.world_size: row for row in context.study.rows}
    parts = [f"Use {workers(best or 0)}" + _gain(context, rows[best or 0]) + "."]
    parts.append(reason(context))
    if verdict.bottleneck in _BOTTLENECKS:
        parts.append(f"Scaling is limited most by {_BOTTLENECKS[verdict.bottleneck][0]}.")
    if context.study.source == "within_run":
        parts.append("The intervals hold the noise within one run only.")
    return " ".join(parts)


def reason(context: Context) -> str:
    """Return why this world size is recommended, or why none is."""
    verdict = context.study.verdict
    if verdict.recommended is None:
        return _no_answer(context)
    if verdict.next_size is None:
        return "That is the most that was measured, and every step up to it pays."
    row = next(row for row in context.study.rows if row.world_size == verdict.next_size)
    return _turned_down(context, row, verdict.recommended)


def _gain(context: Context, row: ScalingRow) -> str:
    if row.world_size == context.study.baseline:
        return ""
    return (
        f": {in_words(row.speedup, 'x')} as fast as {workers(context.study.baseline)}, at "
        f"{show(number(row.efficiency_frac.value, 'frac')).value} parallel efficiency "
        f"({context.study.scaling} scaling)"
    )


def _turned_down(context: Context, row: ScalingRow, best: int) -> str:
    """Say why the next world size is not recommended."""
    if context.study.verdict.reason is Reason.NEXT_TOO_COSTLY:
        return (
            f"{workers(row.world_size)} are faster still, but at "
            f"{show(number(row.efficiency_frac.value, 'frac')).value} efficiency the same work "
            "takes more than twice the worker-time."
        )
    speedup = f"speedup {in_words(row.speedup, 'x')}"
    if best == context.study.baseline and row.speedup.high is not None and row.speedup.high < 1:
        return f"{workers(row.world_size)} are slower: {speedup}."
    if best == context.study.baseline:
        return (
            f"Cannot tell {row.world_size} from {workers(best)}: {speedup}, and the interval "
            "contains 1."
        )
    return f"{workers(row.world_size)} are not shown to be faster than {best} ({speedup})."


def in_words(value: Estimate, unit: Unit) -> str:
    """Return `1.79x (95 % interval 1.71 to 1.88)`."""
    shown = show(estimate(value, unit))
    return f"{shown.value} (95 % interval {shown.interval})" if shown.interval else shown.value


def findings(context: Context) -> list[str]:
    """Return what was found, the most important first."""
    if context.study.verdict.reason is Reason.OVERSUBSCRIBED:
        return [answer(context)]
    found = [_speedup_finding(context), _bottleneck_finding(context), _time_finding(context)]
    found += [_accuracy_finding(context), _law_finding(context), left_out(context)]
    return [words for words in found if words] or [answer(context)]


def _claimed(context: Context) -> list[ScalingRow]:
    clean = clean_sizes(context.study.group.runs)
    return [row for row in context.study.rows if row.world_size in clean]


def _speedup_finding(context: Context) -> str | None:
    rows = _claimed(context)
    if len(rows) < 2:
        return None
    last = rows[-1]
    if last.speedup.low is None:
        return (
            f"Speedup: {in_words(last.speedup, 'x')} with {workers(last.world_size)}, without an "
            "interval: it may be chance."
        )
    if last.speedup.contains(1):
        return (
            f"Speedup: {in_words(last.speedup, 'x')} with {workers(last.world_size)}; the interval "
            "contains 1, so no gain is shown."
        )
    return (
        f"Speedup: {in_words(last.speedup, 'x')} with {workers(last.world_size)}, parallel "
        f"efficiency {in_words(last.efficiency_frac, 'frac')}."
    )


def _bottleneck_finding(context: Context) -> str | None:
    verdict = context.study.verdict
    if verdict.bottleneck is Bottleneck.NONE and verdict.lost_s is None:
        return f"Nothing is shown to limit scaling at {workers(verdict.judged_at or 0)}."
    if verdict.bottleneck is Bottleneck.NO_PHASES:
        return "What limits scaling is unknown: no phases were sampled. Set measure.phase_steps=20."
    if verdict.bottleneck not in _BOTTLENECKS or not verdict.total_lost_s:
        return None
    name, remedy = _BOTTLENECKS[verdict.bottleneck]
    lost, total = number(verdict.lost_s, "s"), number(verdict.total_lost_s, "s")
    return (
        f"Limit: {name}. At {workers(verdict.judged_at or 0)} it takes {show(lost).value} of the "
        f"{show(total).value} per step by which phases exceed ideal scaling. "
        + remedy.replace("`", "")
    )


def _time_finding(context: Context) -> str | None:
    times, claimed = context.study.times, _claimed(context)
    if len(claimed) < 2:
        return None
    last = next(row for row in times if row.world_size == claimed[-1].world_size)
    change = saving(last, times)
    if change is None:
        return None
    less = change.less_frac.value
    words = "less" if less >= 0 else "more"
    return (
        f"Time per run with {workers(last.world_size)}: {in_words(change.ratio, 'x')} as fast, "
        f"which is {show(number(abs(less), 'frac')).value} {words} time."
    )


def _accuracy_finding(context: Context) -> str | None:
    rows = [row for row in context.study.accuracy if row.difference is not None]
    if not rows or rows[-1].difference is None:
        return None
    row, gap = rows[-1], rows[-1].difference
    words = in_words(gap, "points")
    where = f"with {workers(row.world_size)} and rule {row.lr_rule}"
    if gap.low is None:
        return f"Accuracy: {words} {where}."
    told = "no difference is shown" if gap.contains(0) else "the interval does not contain 0"
    return f"Accuracy: {words} {where} against the baseline; {told}."


def _law_finding(context: Context) -> str | None:
    law = context.study.law
    if law is None:
        return None
    share = law.serial_frac
    words = f"{law.name}'s law gives a serial share of {in_words(share, 'frac')}"
    if len(context.study.throughput) == 2:
        return f"{words}; with two world sizes the law itself is not tested."
    return f"{words}."


def left_out(context: Context) -> str | None:
    """Return for which world sizes no claim is made; None if for all."""
    left = set(context.study.throughput) - set(clean_sizes(context.study.group.runs))
    if not left:
        return None
    sizes = ", ".join(str(n) for n in sorted(left))
    return f"No claim is made for {sizes} workers: more ranks than cores or GPUs."
