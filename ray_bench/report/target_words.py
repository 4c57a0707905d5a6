"""What a target takes, in words: the headline, the best world size, the critical batch."""

from __future__ import annotations

from ray_bench.analysis.parity.critical_batch import MAX_RESIDUAL_FRAC, CriticalBatch, Refusal
from ray_bench.analysis.parity.to_target import TargetRow, ToTarget
from ray_bench.config.metric_target import ACCURACY, LOSS, MetricTarget
from ray_bench.report.cells import estimate
from ray_bench.report.context import rule_words, workers
from ray_bench.report.format import show
from ray_bench.report.parity_words import listed
from ray_bench.stats.estimate import Estimate


def gain_words(gain: ToTarget | None, also: int | None = None) -> list[str]:
    """Return the headlines of the best world sizes, and which these are.

    Args:
        gain: What the target takes.
        also: A world size that is spoken of anyway.
    """
    if gain is None:
        return []
    target = target_words(gain.target)
    names = _names(gain)
    lines = {x.world_size: headline(x, target, names[x.world_size]) for x in gain.rows}
    known = {n: line for n, line in lines.items() if line is not None}
    shown = [known[n] for n in known if n in (gain.fastest, gain.fastest_rate, also)]
    unclaimed = [x for x in gain.rows if not x.is_claimed]
    said = [_samples_words(x, target, names[x.world_size]) for x in unclaimed]
    rest = [words for words in said if words is not None]
    return [*(shown or list(known.values())[-1:]), best_words(gain, target), *rest]


def _names(gain: ToTarget) -> dict[int, str]:
    """Return what every world size is called: with its rule, where the sweep has several."""
    if gain.num_rules < 2:
        return {row.world_size: workers(row.world_size) for row in gain.rows}
    return {
        row.world_size: f"{workers(row.world_size)} with {rule_words(row.lr_rule)}"
        for row in gain.rows
    }


def choice_words(row: TargetRow) -> str | None:
    """Return `soonest of 3 rules`, where the data chose the rule; None where there is one."""
    if row.num_rules < 2 or not row.is_complete:
        return None
    return f"{'soonest' if row.is_soonest else 'fewest samples'} of {row.num_rules} rules"


def _chosen(row: TargetRow) -> str:
    choice = choice_words(row)
    return "" if choice is None else f", {choice} in these runs"


def _samples_words(row: TargetRow, target: str, name: str) -> str | None:
    """Return what is known of a size whose times say nothing."""
    if row.more_samples is None:
        return None
    return (
        f"{name}{_chosen(row)}: {_x(row.more_samples)} the samples to {target}; nothing is "
        "claimed of its time, with more ranks than cores or GPUs."
    )


def headline(row: TargetRow, target: str, name: str) -> str | None:
    """Return `4 workers with linear: 3.4x in samples/s, 3.1x to 90 % accuracy, at 1.29x the cost.`.

    Args:
        row: One world size, whose numbers are all of one rule.
        target: In words.
        name: The world size, with its rule where there are several.
    """
    if row.speedup is None or row.cost is None:
        return None
    rate = "" if row.rate_speedup is None else f"{_x(row.rate_speedup)} in samples/s, "
    return f"{name}{_chosen(row)}: {rate}{_x(row.speedup)} to {target}, at {_x(row.cost)} the cost."


def _x(value: Estimate) -> str:
    return str(show(estimate(value, "x")))


def best_words(found: ToTarget, target: str) -> str:
    """Return the best world size by time to the target, beside the best by throughput."""
    if found.fastest is None:
        return (
            f"No world size is known to get to {target}: not every run of any reached it. More "
            "epochs, or a lower --target, would tell."
        )
    names = _names(found)
    away = [workers(x.world_size) for x in found.rows if not x.is_complete]
    left_out = f" Left out, as not every run got there: {listed(away)}." if away else ""
    doubt = "" if found.is_sure else ", by the means, which the noise does not tell apart"
    words = f"Soonest at {target}{doubt}: {names[found.fastest]}"
    if found.fastest_rate is None:
        return f"{words}.{left_out}"
    if found.fastest == found.fastest_rate:
        verb = "has" if found.fastest == 1 else "have"
        return f"{words}, which also {verb} the most throughput.{left_out}"
    return f"{words}; most throughput: {workers(found.fastest_rate)}.{left_out}"


def target_words(target: MetricTarget) -> str:
    """Return `90 % accuracy`, `a loss of 1.2`, or `val_f1 >= 0.8`."""
    if target.column == ACCURACY:
        return f"{share_words(target.value)} accuracy"
    if target.column == LOSS:
        return f"a loss of {target.value:.4g}"
    value = share_words(target.value) if target.is_share else f"{target.value:g}"
    return f"{target.metric} {target.relation} {value}"


def share_words(share: float) -> str:
    """Return `90 %` or `98.55 %`: a target is asked for, and not rounded as what is measured."""
    return f"{100 * share:.4g} %"


def batch_words(found: CriticalBatch | None) -> list[str]:
    """Return the critical batch, or why there is none."""
    if found is None:
        return []
    missed = 100 * (found.max_residual_frac or 0.0)
    head = "Critical batch, measured: "
    if found.refusal is Refusal.FEW_BATCHES:
        words = "not known, it takes three batches of which every run reached the target"
    elif found.refusal is Refusal.NO_LEAST:
        words = (
            "not known, samples to the target grow in proportion to the batch as far as the noise "
            "tells; smaller batches would tell"
        )
    elif found.refusal is Refusal.NOT_DESCRIBED and found.is_misfit:
        words = (
            f"none. Samples to the target = E0 (1 + B / Bc) misses a batch by {missed:.1f} %, "
            f"{_beyond(found)}; a learning rate that is not right at every batch looks like that"
        )
    elif found.refusal is Refusal.NOT_DESCRIBED:
        words = (
            "none. Samples to the target grow by more than the batch, which "
            "E0 (1 + B / Bc) cannot; a learning rate that is not right at every batch looks like "
            "that"
        )
    elif found.refusal is Refusal.NO_GROWTH:
        words = "not known, a larger batch is not shown to need more samples"
    else:
        words = (
            f"{_count(found)} samples. At that global batch the target takes twice the "
            f"fewest samples (all batches within {missed:.1f} % of the fit)"
        )
    return [f"{head}{words}."]


def _beyond(found: CriticalBatch) -> str:
    """Return what the misfit is more than: what seeds explain, where that is known."""
    if found.p_misfit is None:
        return f"more than {100 * MAX_RESIDUAL_FRAC:g} %"
    return "more than the spread between seeds explains"


def _count(found: CriticalBatch) -> str:
    fit = found.critical
    assert fit is not None, "a fit that is not refused has a critical batch"
    if fit.low is None or fit.high is None:
        return f"{fit.value:,.0f}"
    return f"{fit.value:,.0f} ({fit.low:,.0f} to {fit.high:,.0f})"
