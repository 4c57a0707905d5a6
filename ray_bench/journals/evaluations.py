"""A script's evaluations, and the numbers that it told by name, in the order of its training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ray_bench.config.metric_target import TRAIN_LOSS
from ray_bench.journals.launch import Launch, RankFile
from ray_bench.records import EvaluationRecord

#: Names that scripts give, by what a run's record calls it; the last one said of several counts.
FINAL: Mapping[str, tuple[str, ...]] = {
    "final_train_loss": ("train_loss", TRAIN_LOSS),
    "final_val_loss": ("val_loss", "eval_loss", "validation_loss"),
    "final_val_accuracy_frac": ("val_accuracy", "eval_accuracy", "val_acc", "validation_accuracy"),
}


def evaluations_of(launch: Launch, run_id: str, *, are_samples_known: bool) -> tuple[Any, ...]:
    """Return a record for every step count at which there was an evaluation, or a number was told.

    They are those of the first rank that has told a number; samples are of all ranks, in
    proportion to what each has trained on in all.
    """
    rank = next((x for x in launch.ranks if x.metrics), launch.first)
    factor = _samples_of_all(launch, rank) if are_samples_known else None
    return tuple(_records(rank, run_id, factor))


def eval_s_of(launch: Launch) -> float | None:
    """Return the seconds in evaluations, of the rank with the most; None where none was seen."""
    each = [sum(line["eval_s"] for line in rank.evaluations) for rank in launch.ranks]
    return max(each) or None


def final_fields(launch: Launch) -> dict[str, float]:
    """Return what a run's record keeps of the numbers that were told."""
    rank = next((x for x in launch.ranks if x.metrics), launch.first)
    said: dict[str, float] = {}
    for line in rank.metrics:
        said |= _lowered(line["values"])
    found = {field: said[x] for field, names in FINAL.items() for x in names if x in said}
    accuracy = found.get("final_val_accuracy_frac")
    if accuracy is not None and not 0 <= accuracy <= 1:  # in percent, or something else
        del found["final_val_accuracy_frac"]
    return found


def _records(rank: RankFile, run_id: str, factor: float | None) -> Iterator[EvaluationRecord]:
    by_steps: dict[int, list[Mapping[str, Any]]] = {}
    for line in (*rank.evaluations, *rank.metrics):
        if "num_steps" in line:  # an older version counted otherwise
            by_steps.setdefault(int(line["num_steps"]), []).append(line)
    before_s, num_seen = 0.0, 0
    for number, (_, lines) in enumerate(sorted(by_steps.items())):
        took = [float(line["eval_s"]) for line in lines if "eval_s" in line]
        before_s += sum(took)
        values: dict[str, float] = {}
        for line in lines:
            values |= {str(k): float(v) for k, v in line.get("values", {}).items()}
        trained_s = float(lines[0]["trained_s"])
        yield EvaluationRecord(
            run_id=run_id,
            evaluation=number,
            epoch=num_seen + 1,
            num_samples=None if factor is None else round(lines[0]["num_samples"] * factor),
            train_s=trained_s,
            with_eval_s=trained_s + before_s,
            eval_s=sum(took) if took else None,
            val_loss=_named(values, "final_val_loss"),
            val_accuracy_frac=_share(_named(values, "final_val_accuracy_frac")),
            num_val_samples=None,
            metric_names=tuple(values),
            metric_values=tuple(values.values()),
        )
        num_seen += bool(took)


def _samples_of_all(launch: Launch, rank: RankFile) -> float | None:
    """Return samples of all ranks for one of a rank's; None where that is not known."""
    if launch.missing_ranks:
        return None
    num = min(len(x.blocks) for x in launch.ranks)
    each = [sum(block["num_samples"] for block in x.blocks[:num]) for x in launch.ranks]
    mine = each[launch.ranks.index(rank)]
    return sum(each) / mine if mine else None


def _named(values: Mapping[str, float], field: str) -> float | None:
    said = _lowered(values)
    return next((said[name] for name in FINAL[field] if name in said), None)


def _share(value: float | None) -> float | None:
    return value if value is not None and 0 <= value <= 1 else None


def _lowered(values: Mapping[str, Any]) -> dict[str, float]:
    found = {str(name).lower(): float(value) for name, value in values.items()}
    return {name: value for name, value in found.items() if not math.isnan(value)}
