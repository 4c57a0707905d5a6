"""What a target takes at every world size, by global batch, and how much of it is progress."""

from __future__ import annotations

from ray_bench.analysis.parity.critical_batch import (
    CriticalBatch,
    back_test,
    critical_batch,
)
from ray_bench.analysis.parity.goodput import goodput_rows
from ray_bench.analysis.parity.to_target import TargetRow, ToTarget
from ray_bench.analysis.resources import cost
from ray_bench.config.metric_target import ACCURACY
from ray_bench.report.cells import (
    Cell,
    Kind,
    Table,
    asked,
    estimate,
    log_estimate,
    number,
    table,
    text,
)
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.parity_words import listed
from ray_bench.report.target_words import target_words
from ray_bench.stats.estimate import Estimate


def gain_table(context: Context, gain: ToTarget) -> Table:
    """Return time, gain and cost of the way to the target."""
    has_price = context.price_per_worker_hour is not None
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "reached": "Runs there",
        "samples": "Samples",
        "resolution": "Known to",
        "more_samples": "Samples, ratio",
        "time": "Time",
        "train_time": "Training alone",
        "median": "Median time",
        "throughput": "Throughput gained",
        "speedup": "Time gained",
        "train_speedup": "Training time gained",
        "cost": "Cost, ratio",
        "money": "Cost",
        "energy": "Energy",
    }
    target = target_words(gain.target)
    rows = [_gain_row(context, row) for row in gain.rows]
    drawn = ("resolution", "more_samples", "median", "money", "energy")
    return table(
        context.key("target_gain"),
        f"To {target}",
        columns,
        rows,
        _gain_notes(context, gain, has_price=has_price),
        optional=drawn,
    )


def _gain_notes(context: Context, gain: ToTarget, *, has_price: bool) -> list[str]:
    notes = [
        "Samples: until the first evaluation at the target or beyond, nothing interpolated; known "
        "to: samples since the evaluation before. Time: training and evaluation until then, "
        "start-up left out. Ratios and gains are against the smallest size, of the same seeds in "
        "pairs where there are three or more; cost is worker-time"
        f"{' x price' if has_price else ''}.",
    ]
    if context.study.decision.ask.target is None:
        other = "; another one is given as --target 0.9" if gain.target.column == ACCURACY else ""
        notes.insert(0, f"Target: what every run reached{other}.")
    if gain.num_rules > 1:
        notes.append(
            f"Of {gain.num_rules} rules the one that is soonest at the target counts at every size "
            "(where times are not known, with fewest samples), its throughput too. As these runs "
            "chose it, intervals are those that hold for all of its rules together (Bonferroni)."
        )
    if any(not row.is_complete for row in gain.rows):
        notes.append(
            "Where a run did not get there, means are not known, and the median is Kaplan and "
            "Meier's."
        )
    fewer = [
        f"{x.with_eval_s.num_runs} of {x.samples.num_runs} seeds with {workers(x.world_size)}"
        for x in gain.rows
        if x.samples and x.with_eval_s and x.with_eval_s.num_runs < x.samples.num_runs
    ]
    if fewer:
        notes.append(f"Samples are of all runs, times of those of this curve: {listed(fewer)}.")
    if any(not row.is_claimed for row in gain.rows):
        notes.append("More ranks than cores or GPUs: samples count, and times say nothing.")
    if gain.has_one_seed:
        notes.append(
            "One seed only: how the way to the target differs between seeds is not in the "
            "intervals. Use seeds=[0,1,2]."
        )
    return notes


def _gain_row(context: Context, row: TargetRow) -> tuple[Cell, ...]:
    price = context.price_per_worker_hour
    time = None if row.with_eval_s is None else row.with_eval_s.estimate
    money = None if time is None else cost(time.scaled(row.world_size), price)
    return (
        asked(row.world_size),
        text(row.lr_rule),
        text(f"{row.num_reached} of {row.num_runs}"),
        _samples(row),
        asked(None if row.resolution is None else round(row.resolution)),
        estimate(row.more_samples, "x"),
        log_estimate(row.with_eval_s, "s"),
        log_estimate(row.train_s, "s"),
        number(None if row.is_complete else row.median_s, "s"),
        estimate(row.rate_speedup, "x"),
        estimate(row.speedup, "x"),
        estimate(row.train_speedup, "x"),
        estimate(row.cost, "x"),
        estimate(money, "money", "derived", context.currency),
        estimate(row.energy_j, "J"),
    )


def _samples(row: TargetRow) -> Cell:
    return _whole(None if row.samples is None else row.samples.estimate)


def _whole(found: Estimate | None, kind: Kind = "measured") -> Cell:
    """Return a number of samples, of which a fraction says nothing."""
    whole = None if found is None else found.mapped(lambda x: float(round(x)))
    return estimate(whole, "count", kind)


def batches_of(context: Context, gain: ToTarget | None) -> CriticalBatch | None:
    """Return the fit over global batches, where the sweep has several."""
    if gain is None or context.study.scaling != "weak" or len(gain.rows) < 2:
        return None
    sizes = {run.point.world_size: run.samples_per_step for run in context.study.group.runs}
    known = {sizes[x.world_size]: x for x in gain.rows if x.samples}
    taken = [x.samples.estimate.value for x in known.values() if x.samples]
    return critical_batch(
        list(known),
        taken,
        [x.samples_noise for x in known.values()],
        widening=max((x.widening for x in known.values()), default=1.0),
    )


def batch_table(context: Context, found: CriticalBatch) -> Table:
    """Return what the target takes by global batch, back-tested, and what other batches would."""
    columns = {
        "batch": "Global batch",
        "samples": "Samples to the target",
        "predicted": "From the other batches",
        "error": "Error",
    }
    tests = {x.batch: x for x in back_test(found)}
    rows = []
    for batch, taken in zip(found.batch, found.cost, strict=True):
        test = tests.get(batch)
        rows.append(
            (
                asked(batch),
                number(round(taken), "count"),
                _whole(test.predicted if test else None, "predicted"),
                number(test.error_frac if test else None, "change", "derived"),
            )
        )
    for batch in (found.batch[0] / 2, found.batch[-1] * 2) if found.batch else ():
        ahead = found.predict(batch)
        if ahead is not None:
            rows.append(
                (
                    asked(batch),
                    Cell(None, "count"),
                    _whole(ahead, "predicted"),
                    Cell(None, "change"),
                )
            )
    notes = [
        "From the other batches: E0 (1 + B / Bc) fitted without this one. Batches that were not "
        "measured: with the 95 % interval of such a measurement.",
        _noise_note(found),
    ]
    inside = sum(x.is_covered for x in tests.values())
    if tests:
        most = max(abs(x.error_frac) for x in tests.values())
        notes.append(
            f"Back-test: {len(tests)} of {len(found.batch)} batches could be left out and "
            f"predicted, {100 * most:.0f} % off at most, {inside} of them inside the interval."
        )
    else:
        notes.append("Back-test: none, it takes four batches to leave one out.")
    return table(
        context.key("critical_batch"),
        "Samples to the target by global batch",
        columns,
        rows,
        notes,
        optional=("predicted", "error"),
    )


def _noise_note(found: CriticalBatch) -> str:
    """Return where the intervals come from, and how well the form describes the means."""
    if found.p_misfit is None:
        return "Intervals: of what the fit leaves; how seeds differ is not known at every batch."
    often = show(number(found.p_misfit, "prob")).value
    return (
        "Intervals: of the spread between seeds and the spacing of evaluations. If E0 (1 + B / Bc) "
        f"is right, noise alone misses the means by as much in {often} of sweeps."
    )


def goodput_table(context: Context) -> Table:
    """Return Pollux's statistical efficiency and goodput."""
    study = context.study
    claimed = {n: x for n, x in study.throughput.items() if n in study.clean_sizes}
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "batch": "Global batch",
        "efficiency": "Statistical efficiency",
        "goodput": "Goodput",
    }
    rows = [
        (
            asked(row.world_size),
            text(row.lr_rule),
            asked(row.global_batch_size),
            estimate(row.efficiency_frac, "frac", "derived"),
            estimate(row.goodput, "samples/s", "derived"),
        )
        for row in goodput_rows(study.noise, claimed)
    ]
    notes = [
        "After Pollux (Qiao et al. 2021): efficiency = (noise scale + baseline's batch) / (noise "
        "scale + batch), goodput = samples/s x efficiency. The noise scale is that of the last "
        "weights; earlier it is usually smaller, and larger batches are less efficient: "
        "measure.noise_curve=true shows it by epoch.",
    ]
    if len(claimed) < len(study.throughput):
        notes.append("More ranks than cores or GPUs: no goodput, as times say nothing.")
    return table(context.key("goodput"), "Goodput", columns, rows, notes)
