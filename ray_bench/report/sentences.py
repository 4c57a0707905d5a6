"""The answer in words, chosen by what the intervals allow to say."""

from __future__ import annotations

from ray_bench.analysis.decision.advice import Reason
from ray_bench.analysis.estimate import Estimate, log_ratio
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.analysis.study import Study
from ray_bench.analysis.times import run_time_with_setup
from ray_bench.analysis.verdict import clean_sizes
from ray_bench.records import Results
from ray_bench.report.cells import Unit, estimate, number
from ray_bench.report.context import Context, room_of, workers
from ray_bench.report.decision_words import (
    beyond_words,
    larger_words,
    sure_words,
    unreachable_words,
)
from ray_bench.report.format import show
from ray_bench.report.remedies import bottleneck_name


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
    group = context.group
    prefix = f"{group[0].upper()}{group[1:]}: " if context.num_groups > 1 else ""
    best = context.study.decision.recommended
    words = _no_answer(context) if best is None else _answer(context, best)
    if context.study.is_emulated:
        words += " The accelerator is emulated by sleeping: these are not the times of hardware."
    return f"{prefix}{words}"


def _no_answer(context: Context) -> str:
    why = context.study.decision.reason
    if why is Reason.UNREACHABLE:
        return unreachable_words(context)
    if why is Reason.OVERSUBSCRIBED:
        return (
            "No scaling claim: runs with more ranks than cores or GPUs (oversubscribed) say "
            "nothing about scaling. Measure on a host with one core or GPU per worker."
        )
    if why is Reason.NO_INTERVAL:
        return (
            "Cannot say how many workers to use: there are too few runs and blocks for an "
            "interval. Next: repeats=3."
        )
    if why is Reason.NOTHING_MEASURED:
        return (
            "Cannot say how many workers to use: no run was long enough to time. Next: more steps."
        )
    if why is Reason.NO_PRICE:
        return (
            "Cannot say how many workers a budget allows without a price: give --price 1.5, or "
            "--price-of one that `ray-bench prices` lists."
        )
    if why is Reason.NO_RUN_TIME:
        return (
            "Cannot say how long a run takes: its number of epochs is unknown. Give --epochs 90 "
            "for the run that you plan; the size of the data set has to be in the results."
        )
    if why is Reason.NO_TARGET:
        target = f"{100 * (context.study.decision.target_frac or 0):g} %"
        return (
            f"Cannot say how many workers to use to get to {target} accuracy: not every run of any "
            "world size did. Give --target a lower one, or measure more epochs."
        )
    return (
        f"Cannot say how many workers to use: {one_size(context)} is the only world size that was "
        f"measured. {_second_size(context)}"
    )


def _second_size(context: Context) -> str:
    """Return how to come to a second world size: not by what has just failed or has no room."""
    failed = [n for n in failed_sizes(context.results) if n != one_size(context)]
    if failed:
        one = workers(failed[0]) if len(failed) == 1 else f"{', '.join(map(str, failed))} workers"
        return (
            f"Runs with {one} failed: mend that first; the table of failed runs has causes and "
            "remedies."
        )
    if context.results.missing_run_ids:
        return "Planned runs have left no record: finish the sweep with --resume."
    size = one_size(context)
    room = room_of(context)
    if size == 1 and room == 1:
        return (
            "The host has a core or GPU for one worker: measure world_sizes=[1,2] on one with two."
        )
    return f"Next: world_sizes=[1,{max(2, size)}]."


def failed_sizes(results: Results) -> tuple[int, ...]:
    """Return the world sizes of which runs failed and none finished, ascending."""
    done = {run.point.world_size for run in results.ok_runs}
    return tuple(sorted({run.point.world_size for run in results.failed_runs} - done))


def one_size(context: Context) -> int:
    """Return the only world size that carries a claim."""
    clean = [n for n in clean_sizes(context.study.group.runs) if n in context.study.throughput]
    return clean[0] if clean else context.study.baseline


def _answer(context: Context, best: int) -> str:
    row = next((row for row in context.study.rows if row.world_size == best), None)
    gain = _predicted_gain(context, best) if row is None else _gain(context, row)
    parts = [f"Use {workers(best)}{gain}.", reason(context)]
    return " ".join([*parts, *_limit(context), *_caveats(context)])


def _predicted_gain(context: Context, best: int) -> str:
    option, first = (context.study.decision.option(n) for n in (best, context.study.baseline))
    if option is None or first is None:
        return " (predicted, not measured)"
    times = option.throughput.scaled(1 / first.throughput.value)
    return (
        f" (predicted, not measured): {in_words(times, 'x')} as fast as "
        f"{workers(context.study.baseline)}"
    )


def _limit(context: Context) -> list[str]:
    verdict = context.study.verdict
    if verdict.worst is None:
        return []
    name, share = bottleneck_name(verdict.worst), lost_share(context)
    if not verdict.has_phases:
        return [f"Scaling is limited most by {name}, by throughput alone."]
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
    if study.is_ladder:
        found.append("Measured interleaved: speed only, no accuracy.")
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
    row, before = rows.get(study.decision.recommended or 0), study.times[0]
    if row is None or row is before:
        return False
    after_s, before_s = (run_time_with_setup(one, study.times) for one in (row, before))
    if after_s is None or before_s is None:
        return False
    ratio = log_ratio(before_s, after_s).estimate
    return (ratio.low if ratio.low is not None else ratio.value) <= 1


def reason(context: Context) -> str:
    """Return why this world size is recommended, or why none is."""
    if context.study.decision.recommended is None:
        return _no_answer(context)
    found = (sure_words(context), larger_words(context), beyond_words(context))
    return " ".join(words for words in found if words)


def _gain(context: Context, row: ScalingRow) -> str:
    if row.world_size == context.study.baseline:
        return ""
    return (
        f": {in_words(row.speedup, 'x')} as fast as {workers(context.study.baseline)}, at "
        f"{show(number(row.efficiency_frac.value, 'frac')).value} parallel efficiency "
        f"({context.study.scaling} scaling), so the same work takes "
        f"{show(number(1 / row.efficiency_frac.value, 'x')).value} the worker-time"
    )


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
