"""The fold of the gradient noise: over training, at its end, and against what a target took."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.parity.noise_check import NoiseCheck
from ray_bench.report.cells import Cell, Section, Table, asked, estimate, number, table, text
from ray_bench.report.context import Context
from ray_bench.report.noise_words import check_words
from ray_bench.report.sections.noise import batch_words, curve_table, noise_table
from ray_bench.report.sections.to_target import goodput_table


def sections(contexts: Sequence[Context]) -> tuple[Section, ...]:
    """Return a section of every curve: what its runs learnt, of the same runs once, and goodput."""
    seen: set[frozenset[str]] = set()
    found = []
    for context in contexts:
        ids = frozenset(run.run_id for run in context.study.trained)
        words = [] if ids in seen else _paragraphs(context)
        tables = [] if ids in seen else _tables(context)
        if context.study.noise and context.study.scaling == "weak":
            tables.append(goodput_table(context))
        seen.add(ids)
        if tables:
            title = context.title("Batch against gradient noise")
            found.append(Section(context.key("noise"), title, tuple(words), tuple(tables)))
    return tuple(found)


def says(context: Context) -> str:
    """Return the main finding of the noise."""
    found = _paragraphs(context)
    return found[0] if found else "the global batch against the noise of the gradient"


def _paragraphs(context: Context) -> list[str]:
    gain, words = context.study.to_target, batch_words(context)
    checked = [] if gain is None else check_words(context.study.noise_checks, gain.target)
    return [*([] if words is None else [words]), *checked]


def _tables(context: Context) -> list[Table]:
    study = context.study
    checks = study.noise_checks
    return [
        *([curve_table(context)] if study.noise_curve else []),
        *([noise_table(context)] if study.noise else []),
        *([_check_table(context, checks)] if checks else []),
    ]


def _check_table(context: Context, checks: Sequence[NoiseCheck]) -> Table:
    columns = {
        "world_size": "Workers",
        "rule": "Rate rule",
        "global_batch": "Global batch",
        "base_batch": "Against",
        "predicted": "Samples, predicted",
        "measured": "Samples, measured",
        "verdict": "Verdict",
    }
    notes = [
        "Samples to the target against those of the smallest world size. Predicted: (noise scale + "
        "global batch) / (noise scale + smallest batch)"
        + (
            ", over the epochs up to the target."
            if all(x.is_over_training for x in checks)
            else "; of noise scales at the end of training it is usually too small."
        ),
        "Within: the prediction is in the measured interval. Overlaps: it is not, but the two "
        "intervals overlap. Apart: they do not, and the noise scale does not describe this "
        "training.",
    ]
    return table(
        context.key("noise_check"),
        "Samples to the target: by the noise scale, and as measured",
        columns,
        [_check_row(x) for x in checks],
        notes,
    )


def _check_row(check: NoiseCheck) -> tuple[Cell, ...]:
    return (
        asked(check.world_size),
        text(check.lr_rule),
        number(check.batch, "count"),
        number(check.base_batch, "count"),
        estimate(check.predicted, "x", "predicted"),
        estimate(check.measured, "x"),
        text(check.verdict),
    )
