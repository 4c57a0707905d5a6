"""In words: on how many samples accuracy was measured, or why it was not."""

from __future__ import annotations

from ray_bench.analysis.comparison.settings import config_of
from ray_bench.report.context import Context


def evaluated_words(context: Context) -> str | None:
    """Return what a validation accuracy of the group rests on; None where that is not known."""
    runs = [x for x in context.study.group.runs if x.final_val_accuracy_frac is not None]
    counts = sorted({run.num_val_samples for run in runs if run.num_val_samples})
    asked = config_of(context.results.sweep.config_json).get("evaluation")
    if counts:
        shown = " or ".join(f"{count:,}" for count in counts)
        words = f"Validation accuracies are those of {shown} samples"
        most = asked.get("max_samples") if isinstance(asked, dict) else None
        is_part = most is not None and counts[-1] <= most
        return f"{words}, at most evaluation.max_samples={most}." if is_part else f"{words}."
    if not isinstance(asked, dict):  # a version that always evaluated what it could
        return None
    if asked.get("every") == 0:
        return "Nothing was evaluated, as evaluation.every=0 asks."
    if asked.get("every") is None and asked.get("max_samples") is None and _has_steps(context):
        return (
            "Nothing was evaluated: a sweep of so many `steps` measures speed. Use "
            "evaluation.every=1, or evaluation.max_samples=1000 for a part of the data."
        )
    return None


def _has_steps(context: Context) -> bool:
    return config_of(context.results.sweep.config_json).get("steps") is not None
