"""The fold of the gradient noise: over training, at its end, and against what a target took."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.parity.noise_check import NoiseCheck
from ray_bench.report.cells import Cell, Section, Table, asked, estimate, table, text
from ray_bench.report.context import Context
from ray_bench.report.noise_words import check_words
from ray_bench.report.sections.noise import batch_words, curve_table, noise_table
from ray_bench.report.sections.to_target import goodput_table


def sections(contexts: Sequence[Context]) -> tuple[Section, ...]:
    """Return the noise of every curve and what a larger batch costs, of the same runs once."""
    seen: set[frozenset[str]] = set()
    found = []
    for context in contexts:
        ids = frozenset(run.run_id for run in context.study.trained)
        found += [_noise(context, is_new=ids not in seen), _cost(context, is_new=ids not in seen)]
        seen.add(ids)
    return tuple(x for x in found if x.tables)


def says(context: Context) -> str:
    """Return the main finding of the noise."""
    found = (words for x in sections([context]) for words in x.paragraphs)
    return next(found, "the global batch against the noise of the gradient")


def _noise(context: Context, *, is_new: bool) -> Section:
    study, words = context.study, batch_words(context)
    tables = [
        *([curve_table(context)] if study.noise_curve and is_new else []),
        *([noise_table(context)] if study.noise and is_new else []),
    ]
    title = context.title("Batch against gradient noise")
    return Section(context.key("noise"), title, () if words is None else (words,), tuple(tables))


def _cost(context: Context, *, is_new: bool) -> Section:
    study = context.study
    gain, checks = study.to_target, study.noise_checks if is_new else ()
    words = [] if gain is None else check_words(checks, gain.target)
    tables = [_check_table(context, checks)] if checks else []
    if study.noise and study.scaling == "weak":
        tables.append(goodput_table(context))
    title = context.title("What a larger batch costs")
    return Section(context.key("noise_cost"), title, tuple(words), tuple(tables))


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
        asked(check.batch),
        asked(check.base_batch),
        estimate(check.predicted, "x", "predicted"),
        estimate(check.measured, "x"),
        text(check.verdict),
    )
