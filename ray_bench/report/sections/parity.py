"""Do more workers reach the same model, and what does the target take?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.parity.compare import Quantity
from ray_bench.analysis.parity.critical_batch import CriticalBatch
from ray_bench.analysis.parity.study import Parity, ParityRow, parity
from ray_bench.analysis.parity.to_target import ToTarget
from ray_bench.report.cells import (
    Cell,
    Section,
    Table,
    Unit,
    asked,
    estimate,
    number,
    table,
    text,
)
from ray_bench.report.commands import with_seeds
from ray_bench.report.context import Context, workers
from ray_bench.report.parity_words import (
    QUANTITIES,
    margin_words,
    more_seeds,
    summary,
    unknown_phrases,
    verdict_phrases,
)
from ray_bench.report.sections.to_target import batch_table, batches_of, gain_table
from ray_bench.report.target_words import batch_words, gain_words


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of one curve's learning."""

    context: Context
    parity: Parity
    gain: ToTarget | None  # what the target takes; None without one
    batches: CriticalBatch | None
    is_of_all: bool = False  # all curves of the sweep share these runs, as far as learning goes


def judged_of(context: Context) -> Judged | None:
    """Return what there is to say; None where one seed is all, and no target was asked for."""
    study = context.study
    runs = study.trained
    wished = study.decision.ask.target
    judged = parity(runs, study.histories, wished, context.margin)
    seeds = {(r.point.world_size, r.point.lr_rule, r.point.seed) for r in runs}
    has_seeds = len(seeds) > len({x[:2] for x in seeds})
    if judged is None or not (has_seeds or wished is not None or len(runs) > len(study.group.runs)):
        return None
    gain = study.to_target
    return Judged(context, judged, gain, batches_of(context, gain))


def section(found: Judged) -> Section:
    """Return the verdicts on the same model."""
    context, judged = found.context, found.parity
    command = _command(context, judged)
    below = ("The command below makes the sweep again with the missing seeds.",) if command else ()
    return Section(
        context.key("parity"),
        "The same model?" if found.is_of_all else context.title("The same model?"),
        paragraphs=(*summary(judged), *below),
        tables=(
            *_parity_tables(context, judged),
            *([_rcp_table(context, judged)] if judged.rcp else []),
        ),
        code=command,
    )


def target_section(found: Judged) -> Section | None:
    """Return what the target takes, and by how much a larger batch needs more of it."""
    if found.gain is None:
        return None
    context, batches = found.context, found.batches
    has_batches = batches is not None and batches.max_residual_frac
    return Section(
        context.key("target"),
        context.title("What the target takes"),
        paragraphs=(*gain_words(found.gain), *batch_words(batches)),
        tables=(
            gain_table(context, found.gain),
            *([batch_table(context, batches)] if batches and has_batches else []),
        ),
    )


def quality_words(found: Judged) -> tuple[str, ...]:
    """Return the verdicts on final quality alone; of what is not known, what the eye sees."""
    rows = [x for x in found.parity.rows if x.quantity != "samples"]
    known = [x for x in rows if x.verdict in ("equivalent", "worse", "better")]
    margin = found.parity.margin
    unknown = [x for x in rows if x not in known]
    return (*verdict_phrases(known, margin), *unknown_phrases(unknown, margin))


def says(found: Judged) -> str:
    """Return the first verdict."""
    return next(iter(summary(found.parity)), "no verdict")


def _command(context: Context, judged: Parity) -> str | None:
    """Return the sweep's command with the seeds that are missing."""
    missing = [x for x in map(more_seeds, judged.rows) if x is not None]
    if not missing:
        return None
    found = {run.point.seed for run in context.study.group.runs}
    seeds = {seed for seed in found if seed is not None}  # None: of a loop that tells none
    return with_seeds(context.results.sweep.command, seeds, max(missing))


def _parity_tables(context: Context, judged: Parity) -> tuple[Table, ...]:
    """Return a table for each quantity."""
    found = {x: judged.of(x) for x in dict.fromkeys(row.quantity for row in judged.rows)}
    return tuple(
        _parity_table(context, judged, quantity, rows, is_first=i == 0)
        for i, (quantity, rows) in enumerate(found.items())
    )


def _parity_table(
    context: Context,
    judged: Parity,
    quantity: Quantity,
    rows: Sequence[ParityRow],
    *,
    is_first: bool,
) -> Table:
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "verdict": "Verdict",
        "effect": "Difference",
        "seeds": "Seeds",
        "diverged": "Diverged",
        "stopped": "Stopped",
        "not_reached": "Not at the target",
        "more_80": "More seeds",
    }
    name = QUANTITIES[quantity]
    return table(
        context.key("parity" if is_first else "parity_samples"),
        f"{name[0].upper()}{name[1:]}, against {_base(judged)}",
        columns,
        [_parity_row(row) for row in rows],
        _test_notes(judged, quantity, rows) + (_quality_notes(judged) if is_first else []),
        optional=("diverged", "stopped", "not_reached", "more_80"),
    )


def _base(judged: Parity) -> str:
    return f"{workers(judged.reference_size)} with the same rule"


def _parity_row(row: ParityRow) -> tuple[Cell, ...]:
    found = row.comparison
    unit: Unit = "points" if row.quantity == "accuracy" else "change"
    return (
        asked(row.world_size),
        text(row.lr_rule),
        text(row.verdict.replace("_", " ")),
        estimate(row.effect, unit),
        asked(found.num_seeds),
        asked(found.num_diverged - found.num_stopped or None),
        asked(found.num_stopped or None),
        asked(found.num_not_reached or None if row.quantity == "samples" else None),
        asked(more_seeds(row)),
    )


def _test_notes(judged: Parity, quantity: Quantity, rows: Sequence[ParityRow]) -> list[str]:
    notes = [
        f"Equivalent: two one-sided t-tests over seeds at 5 %, margin "
        f"{margin_words(quantity, judged.margin)}; held for all {len(rows)} rows together by "
        "Holm's procedure, as are worse and better. A difference's 95 % interval is its own."
    ]
    paired = [x.comparison.difference.is_paired for x in rows if x.comparison.difference]
    if paired and all(paired):
        notes.append("Seeds are paired: the same seed with both numbers of workers.")
    elif paired:
        notes.append("Where seeds are not the same on both sides, they count as independent ones.")
    if any(len(x.lr_rules) > 1 for x in rows):
        notes.append(
            "Rules with / between them are one training, and count once: the rate has not grown, "
            "or rates and results are the same to the last digit."
        )
    if any(x.comparison.p_diverged is not None for x in rows):
        notes.append(
            "A diverged seed rules out equivalence. Worse is then shown by more of them than with "
            "the baseline (Fisher's exact test), or by the other seeds; the difference is theirs."
        )
    if quantity == "samples":
        notes.append(
            "Samples to the target: until the evaluation that showed it, as a ratio; the spacing "
            "of evaluations is taken off the margin. A run that never got there counts with what "
            "all runs have seen."
        )
    return notes


def _quality_notes(judged: Parity) -> list[str]:
    notes = ["Final: of the last evaluation, on this validation set."]
    if judged.target is None:
        notes.append(
            "Samples to a target are compared for one that is fixed beforehand: --target 0.9."
        )
    return notes


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
