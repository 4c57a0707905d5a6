"""Do more workers reach the same model, and what does the target take?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.parity.critical_batch import (
    MAX_RESIDUAL_FRAC,
    CriticalBatch,
    Refusal,
    back_test,
    critical_batch,
)
from ray_bench.analysis.parity.goodput import goodput_rows
from ray_bench.analysis.parity.outcomes import ACCURACY
from ray_bench.analysis.parity.study import Parity, ParityRow, parity, runs_of
from ray_bench.analysis.parity.to_target import TargetRow, ToTarget, to_target
from ray_bench.config.metric_target import MetricTarget
from ray_bench.report.cells import (
    Cell,
    Kind,
    Section,
    Table,
    asked,
    estimate,
    log_estimate,
    number,
    table,
    text,
)
from ray_bench.report.context import Context
from ray_bench.report.parity_words import (
    QUANTITIES,
    best_words,
    headline,
    margin_words,
    more_seeds,
    seeds_command,
    summary,
    target_words,
)
from ray_bench.stats.estimate import Estimate


def sections(contexts: Sequence[Context]) -> tuple[Section, ...]:
    """Return the section of every group that has something to compare, or was asked a target."""
    found = [_section(context) for context in contexts]
    return tuple(section for section in found if section is not None)


def says(found: Sequence[Section]) -> str:
    """Return the first verdict, or what the target takes."""
    return next((words for section in found for words in section.paragraphs), "no verdict")


def _section(context: Context) -> Section | None:
    study = context.study
    runs = runs_of(study.group, context.results)
    wished = study.decision.ask.target_frac
    epochs = split_by_run(context.results.epochs)
    judged = parity(runs, epochs, None if wished is None else _target(wished))
    seeds = {(r.point.world_size, r.point.lr_rule, r.point.seed) for r in runs}
    has_seeds = len(seeds) > len({x[:2] for x in seeds})
    if judged is None or not (has_seeds or wished is not None or len(runs) > len(study.group.runs)):
        return None
    limit = study.decision.target_frac
    gain = (
        None
        if limit is None or study.is_ladder
        else to_target(runs, epochs, _target(limit), study.curve, study.clean_sizes)
    )
    batches = _batches(context, gain)
    tables = [
        _parity_table(context, judged),
        *([_gain_table(context, gain)] if gain is not None else []),
        *([_rcp_table(context, judged)] if judged.rcp else []),
        *([_batch_table(context, batches)] if batches is not None else []),
        *([_goodput_table(context)] if study.noise and study.scaling == "weak" else []),
    ]
    command = _command(context, judged)
    below = ("The command below makes the sweep again with the missing seeds.",) if command else ()
    paragraphs = (*_gain_words(gain), *summary(judged), *_batch_words(batches), *below)
    return Section(
        context.key("parity"),
        context.title("The same model?"),
        paragraphs=paragraphs,
        tables=tuple(tables),
        code=command,
    )


def _target(accuracy_frac: float) -> MetricTarget:
    return MetricTarget(ACCURACY, ">=", accuracy_frac)


def _command(context: Context, judged: Parity) -> str | None:
    """Return the sweep's command with the seeds that are missing."""
    missing = [x for x in map(more_seeds, judged.rows) if x is not None]
    if not missing:
        return None
    seeds = {x for run in context.study.group.runs if (x := run.point.seed) is not None}
    return seeds_command(context.results.sweep.command, seeds, max(missing))


def _parity_table(context: Context, judged: Parity) -> Table:
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "quantity": "What",
        "verdict": "Verdict",
        "effect": "Difference",
        "margin": "Margin",
        "seeds": "Seeds",
        "diverged": "Diverged",
        "not_reached": "Not at the target",
        "more_80": "More seeds, power 80 %",
        "more_90": "More seeds, power 90 %",
    }
    rows = [_parity_row(row, judged) for row in judged.rows]
    return table(
        context.key("parity"),
        f"Against {_base(judged)}",
        columns,
        rows,
        _parity_notes(judged),
        optional=("not_reached", "more_80", "more_90"),
    )


def _base(judged: Parity) -> str:
    return "1 worker" if judged.reference_size == 1 else f"{judged.reference_size} workers"


def _parity_row(row: ParityRow, judged: Parity) -> tuple[Cell, ...]:
    found, plan = row.comparison, row.needed
    unit = "points" if row.quantity == "accuracy" else "change"
    limit = judged.margin.of(row.quantity)
    have = min(found.num_seeds, found.num_reference_seeds)
    wanted = [plan.for_80, plan.for_90] if plan and row.verdict == "too_few_runs" else [None, None]
    return (
        asked(row.world_size),
        text(row.lr_rule),
        text(QUANTITIES[row.quantity]),
        text(row.verdict.replace("_", " ")),
        estimate(row.effect, unit),  # type: ignore[arg-type]  # one of the two
        asked(limit, "points") if unit == "points" else asked(math.expm1(limit), "frac"),
        asked(found.num_seeds),
        asked(found.num_diverged),
        asked(found.num_not_reached if row.quantity == "samples" else None),
        *(number(None if n is None else max(0, n - have), "count", "derived") for n in wanted),
    )


def _parity_notes(judged: Parity) -> list[str]:
    paired = [x.comparison.difference.is_paired for x in judged.rows if x.comparison.difference]
    margins = ", ".join(
        f"{margin_words(q, judged.margin)} of {QUANTITIES[q]}"
        for q in dict.fromkeys(row.quantity for row in judged.rows)
    )
    notes = [
        f"Equivalent: two one-sided t-tests over seeds at 5 %, margin {margins}; held for all rows "
        "of a quantity together by Holm's procedure, as are worse and better. Differences: to the "
        "baseline, with a 95 % interval each by itself, on this validation set. Final: of the last "
        "evaluation."
    ]
    if any(paired):
        notes.append("Seeds are paired: the same seed with both numbers of workers.")
    if not all(paired):
        notes.append("Where seeds are not the same on both sides, they count as independent ones.")
    if judged.target is None:
        notes.append(
            "Samples to a target are compared for one that is fixed beforehand: --target 0.9."
        )
    else:
        notes.append(
            "Samples to the target: until the evaluation that showed it, as a ratio; the spacing "
            "of evaluations is taken off the margin. A run that never got there counts with what "
            "all runs have seen."
        )
    return notes


def _gain_words(gain: ToTarget | None) -> list[str]:
    if gain is None:
        return []
    target = target_words(gain.target.value)
    shown = [row for row in gain.rows if row.world_size in (gain.fastest, gain.fastest_rate)]
    lines = [headline(row, target) for row in shown]
    return [best_words(gain, target), *(line for line in lines if line is not None)]


def _gain_table(context: Context, gain: ToTarget) -> Table:
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
    target = target_words(gain.target.value)
    notes = [
        "Time: of training and evaluation until the evaluation that showed the target, start-up "
        "left out. Cost: worker-time against the smallest world size. Median: after Kaplan and "
        "Meier, where some runs did not get there.",
    ]
    if context.study.decision.ask.target_frac is None:
        notes.insert(0, "Target: what every run reached; another one is given as --target 0.9.")
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


def _rcp_table(context: Context, judged: Parity) -> Table:
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "verdict": "MLPerf's test",
        "runs": "Runs",
        "reference_runs": "Reference runs",
        "mean": "Epochs",
        "reference_mean": "Reference epochs",
        "least": "Least that passes",
    }
    rows = [
        (
            asked(size),
            text(rule),
            text(found.verdict.replace("_", " ")),
            text(f"{found.num_runs} of {found.wanted_runs}"),
            text(f"{found.num_reference_runs} of {found.wanted_reference_runs}"),
            *(number(x, "count") for x in (found.mean, found.reference_mean, found.least_mean)),
        )
        for (size, rule), found in judged.rcp.items()
    ]
    notes = (
        "MLPerf's reference-convergence test: too fast where epochs to the target are fewer than "
        "those of the baseline's runs (one-sided t-test at 5 %, best and worst run dropped). It "
        "asks for 5 runs and 10 reference runs; more than one that does not converge is invalid.",
    )
    drawn = any(x.verdict != "too_few_runs" for x in judged.rcp.values())
    title = "MLPerf's test" if drawn else "MLPerf's test: too few runs"
    return table(context.key("reference_convergence"), title, columns, rows, notes, is_drawn=drawn)


def _batches(context: Context, gain: ToTarget | None) -> CriticalBatch | None:
    """Return the fit over global batches, where the sweep has several."""
    if gain is None or context.study.scaling != "weak" or len(gain.rows) < 2:
        return None
    sizes = {run.point.world_size: run.samples_per_step for run in context.study.group.runs}
    known = [(sizes[x.world_size], x.samples.estimate.value) for x in gain.rows if x.samples]
    return critical_batch([b for b, _ in known], [cost for _, cost in known])


def _batch_words(found: CriticalBatch | None) -> list[str]:
    if found is None:
        return []
    missed = 100 * (found.max_residual_frac or 0.0)
    head = "Critical batch, measured: "
    if found.refusal is Refusal.FEW_BATCHES:
        words = "not known, it takes three batches of which every run reached the target"
    elif found.refusal is Refusal.NOT_DESCRIBED:
        words = (
            f"none. Samples to the target = E0 (1 + B / Bc) misses a batch by {missed:.1f} %, more "
            f"than {100 * MAX_RESIDUAL_FRAC:g} %; a learning rate that is not right at every batch "
            "looks like that"
        )
    elif found.refusal is Refusal.NO_GROWTH:
        words = "not known, a larger batch is not shown to need more samples"
    else:
        words = (
            f"{_count(found)} samples. At that global batch the target takes twice the "
            f"fewest samples (all batches within {missed:.1f} % of the fit)"
        )
    return [f"{head}{words}."]


def _count(found: CriticalBatch) -> str:
    fit = found.critical
    assert fit is not None, "a fit that is not refused has a critical batch"
    if fit.low is None or fit.high is None:
        return f"{fit.value:,.0f}"
    return f"{fit.value:,.0f} ({fit.low:,.0f} to {fit.high:,.0f})"


def _batch_table(context: Context, found: CriticalBatch) -> Table:
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


def _goodput_table(context: Context) -> Table:
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
        "weights; it is not recorded earlier, when it is usually smaller and larger batches are "
        "less efficient.",
    )
    return table(context.key("goodput"), "Goodput", columns, rows, notes)
