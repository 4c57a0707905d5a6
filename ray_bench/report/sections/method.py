"""Method: where the intervals come from, what speedup is here, what the sweep stopped for."""

from __future__ import annotations

from ray_bench.report.batch_words import batch_tables
from ray_bench.report.cells import Section, estimate, log_estimate
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.stopping import stop_words
from ray_bench.stats.log_estimate import log_ratio

_SOURCES = {
    "repeats": "Intervals: t (Welch), from the spread between the runs of a world size.",
    "within_run": "Intervals: t, batch means of timed blocks, within one run only.",
    "none": "No intervals: too few runs and timed blocks.",
}
_SHORT = {
    "repeats": "Intervals come from the spread between runs",
    "within_run": "Intervals hold the noise within one run only",
    "none": "No intervals: too few runs and blocks",
}
_PAIRED = (
    "Interleaved: speedups are paired, exp of the mean over rounds of ln(throughput / throughput "
    "of the baseline in the same round), with a t-interval over rounds."
)
_EACH = "Each holds on its own: they are not widened for their number."
_RIGHT = (
    "Best choice: the share of joint draws of the whole curve, measured noise and forecast error "
    "in them, in which a world size serves the aim best. One minute less is paid against the next "
    "slower size on the front; without interval where the draws do not show that time is saved."
)
_SERIAL = (
    "A serial share that stays flat is work that does not parallelise; one that rises with the "
    "workers is overhead such as communication; a negative one is superlinear. Above 100 % means "
    "slower than the baseline."
)
_EPOCH = (
    "Time of an epoch: training samples / steady throughput, so warm-up is not in it. A forecast "
    "run has, beside its epochs, what evaluation and warm-up added at the largest measured size, "
    "and its energy per worker-second."
)


def section(context: Context) -> Section:
    """Return how the numbers of a curve were made."""
    study = context.study
    words = [
        _group_words(context),
        f"{_SOURCES[study.source]} {_EACH}",
        _definition(context),
        *([_PAIRED] if study.curve.is_paired else []),
        *([stop_words(context.results.stop)] if context.results.stop is not None else []),
        *([_wrapped(context)] if study.ddp_at_one is not None else []),
        *([_RIGHT] if study.decision.wider is not None else []),
        *_target_words(context),
        _SERIAL,
        _EPOCH,
    ]
    title = context.title("Method")
    return Section(context.key("scaling"), title, tuple(words), batch_tables(context))


def says(context: Context) -> str:
    """Return where the intervals come from."""
    return _SHORT[context.study.source]


def _group_words(context: Context) -> str:
    study = context.study
    where = "" if context.placement is None else f", placement: {context.placement}"
    return (
        f"{study.first.point.workload}, data set {study.first.dataset or 'unknown'}. Baseline: "
        f"{workers(study.baseline)}, "
        f"{'DDP' if study.first_baseline.point.is_ddp else 'plain PyTorch without DDP'}{where}."
    )


def _definition(context: Context) -> str:
    ratio = f"throughput over that of {workers(context.study.baseline)}"
    if context.study.scaling == "weak":
        return f"Weak scaling (batch per worker fixed): speedup = {ratio} (scaled speedup)."
    return f"Strong scaling (global batch fixed): speedup = {ratio}."


def _wrapped(context: Context) -> str:
    """Return what the DDP wrapper costs at one worker."""
    wrapped, plain = context.study.ddp_at_one, context.study.throughput.get(1)
    rate = show(log_estimate(wrapped, "samples/s"))
    words = f"1 worker in the DDP wrapper, beside the curve: {rate} samples/s"
    if wrapped is None or plain is None:
        return f"{words}."
    ratio = show(estimate(log_ratio(wrapped, plain).estimate, "x"))
    return f"{words}, {ratio} as fast as without."


def _target_words(context: Context) -> list[str]:
    decision = context.study.decision
    known = [x.convergence for x in decision.options if x.is_measured and x.convergence]
    if not known:
        return []
    reached = "; ".join(
        f"{workers(x.world_size)}: {x.num_reached} of {x.num_runs} runs"
        + ("" if x.epochs is None else f", {show(log_estimate(x.epochs, 'count'))} epochs")
        + f" ({x.lr_rule})"
        for x in known
    )
    words = [
        "To the target: epochs until the first evaluation at it or above, where every run got "
        f"there. {reached}."
    ]
    if decision.ask.target is None:
        words[0] = (
            f"The target is what every run reached; --target 0.9 asks for another. {words[0]}"
        )
    if any(not x.is_measured for x in decision.options):
        words.append(
            "How many epochs a batch needs that was not trained with is not known in weak scaling."
            if context.study.scaling == "weak"
            else "Forecast sizes have the same global batch, so they are given the epochs of the "
            "largest measured one."
        )
    return words
