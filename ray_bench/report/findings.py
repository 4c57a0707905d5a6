"""The findings in words, the most important first, chosen by what the intervals allow to say."""

from __future__ import annotations

from ray_bench.analysis.accuracy import AccuracyRow
from ray_bench.analysis.decision.advice import Reason
from ray_bench.analysis.laws.status import FitStatus
from ray_bench.analysis.losses import Bottleneck
from ray_bench.analysis.noise_scale import NoiseRow
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.analysis.times import Change, run_time_with_setup, saving
from ray_bench.report.cells import estimate, log_estimate, number
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.remedies import bottleneck_name, remedy_words
from ray_bench.report.sentences import (
    answer,
    in_words,
    is_eaten_by_setup,
    left_out,
    lost_share,
)
from ray_bench.report.stopping import stop_words


def findings(context: Context) -> list[str]:
    """Return what was found, the most important first."""
    if context.study.decision.reason is Reason.OVERSUBSCRIBED:
        return [answer(context)]
    found = [_speedup_finding(context), _bottleneck_finding(context), _time_finding(context)]
    found += [
        _setup_finding(context),
        _accuracy_finding(context),
        _batch_finding(context),
        _law_finding(context),
        _contention_finding(context),
        None if context.results.stop is None else stop_words(context.results.stop),
        left_out(context),
    ]
    return [words for words in found if words] or [answer(context)]


def _claimed(context: Context) -> list[ScalingRow]:
    clean = context.study.clean_sizes
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
    size = verdict.judged_at or 0
    if verdict.bottleneck is Bottleneck.NONE:
        return (
            f"Nothing is shown to limit scaling at {workers(size)}: the interval of the efficiency "
            "reaches 95 % or more."
        )
    if verdict.bottleneck is Bottleneck.UNSEEN:
        return (
            f"What limits scaling at {workers(size)} is unknown: no phase of the phase pass takes "
            "longer than ideal scaling."
        )
    if verdict.bottleneck is Bottleneck.NO_PHASES:
        return "What limits scaling is unknown: no phases were sampled. Set measure.phase_steps=20."
    if verdict.worst is None:
        return None
    name = bottleneck_name(verdict.worst)
    remedy = remedy_words(context, verdict.worst)
    lost, total = number(verdict.lost_s, "s"), number(verdict.total_lost_s, "s")
    if not verdict.has_phases:
        return (
            f"Limit: {name}. At {workers(size)} it takes {show(lost).value} of a step, by "
            f"throughput alone: no phases were sampled. {remedy}"
        )
    return (
        f"Limit: {name}. At {workers(size)} it takes {show(lost).value} ({lost_share(context)}) of "
        f"the {show(total).value} per step by which phases exceed ideal scaling in the phase pass"
        f"{_other_speed(context)}. {remedy}"
    )


def _contention_finding(context: Context) -> str | None:
    """Say that contention was looked for and not seen, or how much there is beside the limit."""
    verdict = context.study.verdict
    sync = None if verdict.judged_at is None else context.study.size(verdict.judged_at).sync
    if sync is None or sync.contention is None or verdict.bottleneck is Bottleneck.CONTENTION:
        return None
    where = f"Contention at {workers(sync.world_size)}"
    if not sync.is_contention_seen:
        return (
            f"{where}: not seen. Steps with gradient synchronisation are slower than those without "
            "by no more than they visibly wait for it."
        )
    return (
        f"{where}: synchronisation slows computation down by {in_words(sync.contention, 's')} per "
        "step, beside what is exposed."
    )


def _other_speed(context: Context) -> str:
    """Say that the phase pass is no picture of the throughput pass, where it ran differently."""
    times = {row.world_size: row.iteration for row in context.study.times}
    judged = (context.study.baseline, context.study.verdict.judged_at)
    for split in context.study.phases:
        time = times.get(split.world_size)
        if split.world_size in judged and time and split.differs_from(time.estimate.value):
            return ", which ran at another speed than the throughput pass: a hint, not proof"
    return ""


def _time_finding(context: Context) -> str | None:
    times, claimed = context.study.times, _claimed(context)
    if len(claimed) < 2:
        return None
    last = context.study.size(claimed[-1].world_size).time
    change = None if last is None else saving(last, times)
    if last is None or change is None:
        return None
    less = change.less_frac.value
    share = f"{show(number(less, 'frac')).value} less" if less >= 0 else _times_the(change)
    return (
        f"Time per run with {workers(last.world_size)}, start-up left out: "
        f"{in_words(change.ratio, 'x')} as fast, which is {share} time."
    )


def _times_the(change: Change) -> str:
    return f"{show(number(1 / change.ratio.value, 'x')).value} the"


def _setup_finding(context: Context) -> str | None:
    if not is_eaten_by_setup(context.study):
        return None
    rows = {row.world_size: row for row in context.study.times}
    best = context.study.decision.recommended or 0
    ours, theirs = (
        show(log_estimate(run_time_with_setup(rows[n], context.study.times), "s"))
        for n in (best, context.study.baseline)
    )
    return (
        f"Start-up: counting it, a run takes {ours} with {workers(best)} and {theirs} with "
        f"{workers(context.study.baseline)}: no gain is shown for a run as short as these."
    )


def _accuracy_finding(context: Context) -> str | None:
    """Return the difference to the baseline of every rule at the largest world size."""
    rows = [row for row in context.study.accuracy if row.difference is not None]
    largest = max((row.world_size for row in rows), default=0)
    words = [_accuracy_words(row) for row in rows if row.world_size == largest]
    if not words:
        return None
    return f"Accuracy with {workers(largest)} against the baseline: {'; '.join(words)}."


def _accuracy_words(row: AccuracyRow) -> str:
    if row.difference is None:
        return "unknown"
    words = f"rule {row.lr_rule} {show(estimate(row.difference, 'points')).value}"
    if row.difference.low is None:
        return f"{words}, without an interval"
    words = f"rule {row.lr_rule} {in_words(row.difference, 'points')}"
    seeds = "" if row.num_seeds > 1 else " from one seed"
    told = "no difference is shown" if row.difference.contains(0) else "a difference is shown"
    return f"{words}, {told}{seeds}"


def _batch_finding(context: Context) -> str | None:
    """Say where the largest global batch is more than the gradients' noise makes use of."""
    found = context.study.noise
    largest = max((row.global_batch_size for row in found), default=0)
    rows = [row for row in found if row.global_batch_size == largest]
    # In strong scaling all world sizes have this batch: what one shows, the others must not deny.
    if not rows or any(row.batch_is != "above" for row in rows):
        return None
    row = rows[-1]
    return (
        f"Batch: {largest} samples are above the gradient noise scale, {_scale_words(row)} samples "
        f"with {workers(row.world_size)} as training ends, when it usually is largest: a smaller "
        "global batch needs fewer samples for the same progress."
    )


def _scale_words(row: NoiseRow) -> str:
    shown = show(estimate(row.noise_scale, "count"))
    return f"{shown.value} ({shown.interval})"


def _law_finding(context: Context) -> str | None:
    law = context.study.law
    if law is None:
        return None
    if law.fit.is_misfit:
        return f"{law.name}'s law does not describe the measurements, so no serial share is given."
    share = law.serial_frac
    if share.value >= 1 and context.study.rows[-1].speedup.value < 1:
        return (
            f"Throughput falls, which {law.name}'s law cannot describe: no serial share is given."
        )
    words = f"{law.name}'s law gives a serial share of {in_words(share, 'frac')}"
    if law.fit.status is FitStatus.UNDERDETERMINED:
        return f"{words}; with two world sizes the law itself is not tested."
    return f"{words}."
