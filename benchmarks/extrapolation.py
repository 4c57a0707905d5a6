"""How well are published scaling curves predicted? `python benchmarks/extrapolation.py FILE`.

Every curve is fitted without its largest world size (without its two largest where it has six or
more), and what was left out is predicted. Plain laws are fitted to the same points, by the same
least squares, with the intervals of their own fit. FILE is JSON: {"curves": [{"id", "scaling":
"weak" or "strong", "world_size": [...], "throughput": [...], "workers_per_node": 8 or null}]}; any
other scaling is a load curve, taken like weak scaling.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ray_bench.analysis.estimate import Estimate, LogEstimate
from ray_bench.analysis.fit.forecast import fit_curve
from ray_bench.analysis.fit.law_fit import fit_law
from ray_bench.analysis.fit.points import Points, points_of
from ray_bench.analysis.laws import logarithmic, power, usl
from ray_bench.analysis.laws.catalog import AnyLaw
from ray_bench.errors import InsufficientPointsError

MANY_POINTS = 6
AIMS = {"median": 0.02, "mean": 0.04, "coverage": 0.93, "width": 0.25}
OURS, OURS_FITTING = "ray_bench", "ray_bench, where a law fits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A part of a curve, and what is predicted from it."""

    curve: str
    points: Points
    world_sizes: tuple[int, ...]
    measured: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One predicted world size."""

    curve: str
    world_size: int
    measured: float
    predicted: float
    low: float | None
    high: float | None
    law: str | None = None

    @property
    def error(self) -> float:
        """|predicted / measured - 1|."""
        return abs(self.predicted / self.measured - 1)

    @property
    def is_covered(self) -> bool | None:
        """Whether the interval holds the measurement; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.measured <= self.high

    @property
    def width(self) -> float | None:
        """Full width of the interval, relative to the prediction."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / self.predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A method on all curves."""

    method: str
    num_predictions: int
    median: float
    mean: float
    worst: float
    coverage: float | None  # of the predictions that have an interval
    width: float | None  # median
    num_intervals: int


def tasks(curves: Sequence[dict[str, Any]], split: str) -> Iterator[Task]:
    """Yield what is to be predicted from what."""
    for curve in curves:
        rows = sorted(zip(curve["world_size"], curve["throughput"], strict=True))
        kept = len(rows) - (2 if len(rows) >= MANY_POINTS else 1)
        for count in [kept] if split == "largest" else range(2, kept + 1):
            rest = rows[count:] if count == kept else rows[count : count + 1]
            try:
                points = _points(curve, dict(rows[:count]))
            except InsufficientPointsError:
                continue
            yield Task(
                curve=curve["id"],
                points=points,
                world_sizes=tuple(n for n, _ in rest),
                measured=tuple(x for _, x in rest),
            )


def _points(curve: dict[str, Any], rows: dict[int, float]) -> Points:
    return points_of(
        {n: LogEstimate(math.log(x), None, None, 1, "none") for n, x in rows.items()},
        "strong" if curve["scaling"] == "strong" else "weak",
        workers_per_node=curve.get("workers_per_node"),
    )


def ours(task: Task) -> list[Prediction]:
    """Predict as `ray-bench fit` does."""
    fit = fit_curve(task.points)
    law = None if fit.chosen is None else fit.chosen.test.law.key
    found = [x.throughput for x in fit.forecast(task.world_sizes)]
    return _predictions(task, found, law)


def plain(law: AnyLaw) -> Callable[[Task], list[Prediction]]:
    """Return how one law alone predicts, fitted to the cost of a sample."""

    def predict(task: Task) -> list[Prediction]:
        fit = fit_law(law, task.points)
        return _predictions(task, [fit.throughput(n) for n in task.world_sizes], law.key)

    return predict


def _predictions(task: Task, found: Sequence[Estimate], law: str | None) -> list[Prediction]:
    rows = zip(task.world_sizes, task.measured, found, strict=True)
    return [
        Prediction(
            curve=task.curve,
            world_size=n,
            measured=x,
            predicted=estimate.value,
            low=estimate.low,
            high=estimate.high,
            law=law,
        )
        for n, x, estimate in rows
    ]


#: Amdahl's law for the throughput, X = x1 / (s + (1 - s) / N), is the USL without coherency.
METHODS: dict[str, Callable[[Task], list[Prediction]]] = {
    OURS: ours,
    "Amdahl": plain(usl.USL2),
    "USL": plain(usl.USL3),
    "power law": plain(power.LAW),
    "log law": plain(logarithmic.LAW),
}


def score(method: str, found: Sequence[Prediction]) -> Score:
    """Return the errors of a method."""
    errors = [x.error for x in found]
    covered = [x.is_covered for x in found if x.is_covered is not None]
    widths = [x.width for x in found if x.width is not None]
    return Score(
        method=method,
        num_predictions=len(found),
        median=statistics.median(errors),
        mean=statistics.fmean(errors),
        worst=max(errors),
        coverage=statistics.fmean(covered) if covered else None,
        width=statistics.median(widths) if widths else None,
        num_intervals=len(covered),
    )


def run(
    curves: Sequence[dict[str, Any]], split: str
) -> tuple[list[Score], dict[str, list[Prediction]]]:
    """Return the scores and the predictions of every method."""
    todo = list(tasks(curves, split))
    found = {name: [x for task in todo for x in predict(task)] for name, predict in METHODS.items()}
    found[OURS_FITTING] = [x for x in found[OURS] if x.law is not None]
    order = [OURS, OURS_FITTING, *(name for name in METHODS if name != OURS)]
    return [score(name, found[name]) for name in order if found[name]], found


def rows_of(scores: Sequence[Score]) -> list[tuple[str, ...]]:
    """Return the table, its head first."""
    rows = [("method", "predictions", "median", "mean", "worst", "covered", "median width")]
    rows += [
        (
            x.method,
            str(x.num_predictions),
            *(f"{100 * value:.2f} %" for value in (x.median, x.mean, x.worst)),
            "-" if x.coverage is None else f"{100 * x.coverage:.1f} % of {x.num_intervals}",
            "-" if x.width is None else f"{100 * x.width:.1f} %",
        )
        for x in scores
    ]
    rows.append(
        (
            "aim",
            "",
            f"<= {100 * AIMS['median']:.0f} %",
            f"<= {100 * AIMS['mean']:.0f} %",
            "",
            f">= {100 * AIMS['coverage']:.0f} %",
            f"<= {100 * AIMS['width']:.0f} %",
        )
    )
    return rows


def as_text(scores: Sequence[Score], form: str) -> str:
    """Return the table for a screen or as Markdown."""
    rows = rows_of(scores)
    if form == "md":
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def as_json(scores: Sequence[Score], found: dict[str, list[Prediction]]) -> str:
    """Return the scores, the aims and every prediction."""
    document = {
        "aims": AIMS,
        "scores": [asdict(x) for x in scores],
        "predictions": {
            name: [{**asdict(x), "error": x.error} for x in rows] for name, rows in found.items()
        },
    }
    return json.dumps(document, indent=1, allow_nan=False, default=_plain_number)


def _plain_number(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"not a number: {value!r}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("curves", type=Path, metavar="CURVES.json")
    parser.add_argument("--format", choices=("terminal", "md", "json"), default="terminal")
    parser.add_argument(
        "--split",
        choices=("largest", "every"),
        default="largest",
        help="every: each world size from all smaller ones, two or more of them",
    )
    parser.add_argument("--worst", type=int, default=0, help="also list so many worst predictions")
    given = parser.parse_args(arguments)
    document = json.loads(given.curves.read_text(encoding="utf-8"))
    scores, found = run(document["curves"], given.split)
    if given.format == "json":
        print(as_json(scores, found))
        return 0
    print(as_text(scores, given.format))
    for x in sorted(found[OURS], key=lambda x: -x.error)[: given.worst]:
        held = "" if x.is_covered else ", outside its interval"
        print(
            f"{x.curve} at {x.world_size}: {x.predicted:.6g} for {x.measured:.6g}, "
            f"{100 * x.error:.1f} %{held}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
