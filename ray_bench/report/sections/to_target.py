"""What a target takes at every world size, by global batch, and how much of it is progress."""

from __future__ import annotations

from ray_bench.analysis.parity.critical_batch import (
    CriticalBatch,
    back_test,
    critical_batch,
)
from ray_bench.analysis.parity.goodput import goodput_rows
from ray_bench.analysis.parity.to_target import TargetRow, ToTarget
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
from ray_bench.report.context import Context
from ray_bench.report.target_words import target_words
from ray_bench.stats.estimate import Estimate


def gain_table(context: Context, gain: ToTarget) -> Table:
    """Return time, gain and cost of the way to the target."""
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "reached": "Runs that got there",
        "samples": "Samples",
        "time": "Time",
        "train_time": "Without evaluation",
        "median": "Median time",
        "throughput": "Throughput gained",
        "speedup": "Time gained",
        "train_speedup": "Gained without evaluation",
        "cost": "Cost against baseline",
    }
    target = target_words(gain.target)
    notes = [
        "Time: of training and evaluation until the evaluation that showed the target, start-up "
        "left out. Cost: worker-time against the smallest world size. Median: after Kaplan and "
        "Meier, where some runs did not get there.",
    ]
    if context.study.decision.ask.target is None:
        other = "; another one is given as --target 0.9" if gain.target.column == ACCURACY else ""
        notes.insert(0, f"Target: what every run reached{other}.")
    if gain.has_one_seed:
        notes.append(
            "One seed only: how the way to the target differs between seeds is not in the "
            "intervals. Use seeds=[0,1,2]."
        )
    rows = [_gain_row(row) for row in gain.rows]
    return table(
        context.key("target_gain"), f"To {target}", columns, rows, notes, optional=("median",)
    )


def _gain_row(row: TargetRow) -> tuple[Cell, ...]:
    return (
        asked(row.world_size),
        text(row.lr_rule),
        text(f"{row.num_reached} of {row.num_runs}"),
        _samples(row),
        log_estimate(row.with_eval_s, "s"),
        log_estimate(row.train_s, "s"),
        number(None if row.is_complete else row.median_s, "s"),
        estimate(row.rate_speedup, "x"),
        estimate(row.speedup, "x"),
        estimate(row.train_speedup, "x"),
        estimate(row.cost, "x"),
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
    known = [(sizes[x.world_size], x.samples.estimate.value) for x in gain.rows if x.samples]
    return critical_batch([b for b, _ in known], [cost for _, cost in known])


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
    for batch, cost in zip(found.batch, found.cost, strict=True):
        test = tests.get(batch)
        rows.append(
            (
                asked(batch),
                number(round(cost), "count"),
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
    notes = ("From the other batches: E0 (1 + B / Bc) fitted without this one.",)
    return table(
        context.key("critical_batch"),
        "Samples to the target by global batch",
        columns,
        rows,
        notes,
        optional=("predicted", "error"),
    )


def goodput_table(context: Context) -> Table:
    """Return Pollux's statistical efficiency and goodput."""
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
        for row in goodput_rows(context.study.noise, context.study.throughput)
    ]
    notes = (
        "After Pollux (Qiao et al. 2021): efficiency = (noise scale + baseline's batch) / (noise "
        "scale + batch), goodput = samples/s x efficiency. The noise scale is that of the last "
        "weights; earlier it is usually smaller, and larger batches are less efficient: "
        "measure.noise_curve=true shows it by epoch.",
    )
    return table(context.key("goodput"), "Goodput", columns, rows, notes)
