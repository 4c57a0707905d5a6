"""The answer in words, chosen by what the intervals allow to say."""

from __future__ import annotations

from ray_bench.analysis.estimate import Estimate, log_ratio
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.analysis.study import Study
from ray_bench.analysis.times import run_time_with_setup
from ray_bench.analysis.verdict import Bottleneck, Reason, clean_sizes
from ray_bench.records import Results
from ray_bench.report.cells import Unit, estimate, number
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show

BOTTLENECKS = {
    Bottleneck.COMMUNICATION: (
        "exposed communication (gradients that wait for the link or for a slower rank)",
        "Try a larger batch per worker, another ddp.bucket_cap_mb, bf16, or a faster link.",
    ),
    Bottleneck.DATA: (
        "data loading and copying",
        "Try more loader processes, data in memory, or faster storage.",
    ),
    Bottleneck.COMPUTE: (
        "forward and backward, which take longer than an equal share of the work",
        "Try a larger batch per worker, and look for cores or memory bandwidth that workers share.",
    ),
    Bottleneck.OPTIMIZER: (
        "the optimizer, which every worker runs in full",
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
    size = one_size(context)
    return (
        f"Cannot say how many workers to use: {size} is the only world size that was measured. "
        f"Next: world_sizes=[1,{max(2, size)}]."
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
    parts += [reason(context), *_limit(context), *_caveats(context)]
    return " ".join(parts)


def _limit(context: Context) -> list[str]:
    verdict = context.study.verdict
    if verdict.bottleneck not in BOTTLENECKS:
        return []
    name, share = BOTTLENECKS[verdict.bottleneck][0], lost_share(context)
    return [
        f"Scaling is limited most by {name}: {share} of the time lost at "
        f"{workers(verdict.judged_at or 0)}, in the phase pass."
    ]


def lost_share(context: Context) -> str:
    """Return the bottleneck's share of the time that phases take beyond ideal scaling."""
    lost, total = context.study.verdict.lost_s, context.study.verdict.total_lost_s
    share = lost / total if lost is not None and total else None
    return show(number(share, "frac")).value


def _caveats(context: Context) -> list[str]:
    """Return what must be known before the answer is believed."""
    study, found = context.study, []
    if study.source == "within_run":
        found.append("The intervals hold the noise within one run only.")
    if any("warmup_included" in run.flags for run in study.group.runs):
        found.append("Some runs were too short to leave warm-up out; their speed includes it.")
    if is_eaten_by_setup(study):
        found.append("Counting start-up, a run as short as these is not shown to be faster.")
    return found


def is_eaten_by_setup(study: Study) -> bool:
    """Return whether start-up takes back what the recommended workers save in a run this long."""
    rows = {row.world_size: row for row in study.times}
    row, before = rows.get(study.verdict.recommended or 0), study.times[0]
    if row is None or row is before:
        return False
    after_s, before_s = (run_time_with_setup(one, study.times) for one in (row, before))
    if after_s is None or before_s is None:
        return False
    ratio = log_ratio(before_s, after_s).estimate
    return (ratio.low if ratio.low is not None else ratio.value) <= 1


def reason(context: Context) -> str:
    """Return why this world size is recommended, or why none is."""
    verdict = context.study.verdict
    if verdict.recommended is None:
        return _no_answer(context)
    if verdict.next_size is None:
        return "That is the most that was measured; more may be faster still."
    row = next(row for row in context.study.rows if row.world_size == verdict.next_size)
    return _turned_down(context, row, verdict.recommended)


def _gain(context: Context, row: ScalingRow) -> str:
    if row.world_size == context.study.baseline:
        return ""
    return (
        f": {in_words(row.speedup, 'x')} as fast as {workers(context.study.baseline)}, at "
        f"{show(number(row.efficiency_frac.value, 'frac')).value} parallel efficiency "
        f"({context.study.scaling} scaling), so the same work takes "
        f"{show(number(1 / row.efficiency_frac.value, 'x')).value} the worker-time"
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


def left_out(context: Context) -> str | None:
    """Return for which world sizes no claim is made; None if for all."""
    left = set(context.study.throughput) - set(clean_sizes(context.study.group.runs))
    if not left:
        return None
    sizes = ", ".join(str(n) for n in sorted(left))
    return f"No claim is made for {sizes} workers: more ranks than cores or GPUs."
