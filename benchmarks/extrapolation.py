"""How well are published scaling curves predicted? `python -m benchmarks.extrapolation FILE`.

Every curve is fitted without its largest world size (without its two largest where it has six or
more), and what was left out is predicted. Plain laws are fitted to the same points, by the same
least squares, with the intervals of their own fit. FILE is JSON: {"curves": [{"id", "scaling":
"weak" or "strong", "world_size": [...], "throughput": [...], "workers_per_node": 8 or null}]}; any
other scaling is a load curve, taken like weak scaling. Where "global_batch_size" is a list, one a
world size, it is told to the fit as the column of that name is; "source_group" (else "source") says
which curves were made alike, "batch_regime" which batch was fixed.

`--strata` adds the scores of ray_bench by stratum; with `--baseline JSON`, what `--format json`
wrote at another commit, they are paired with its predictions.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.judge import PROBABILITIES, Prediction, cells_of, judged
from benchmarks.published import Task, tasks
from ray_bench.analysis.fit.forecast import fit_curve
from ray_bench.analysis.fit.law_fit import fit_law
from ray_bench.analysis.laws import logarithmic, power, usl
from ray_bench.analysis.laws.catalog import AnyLaw
from ray_bench.stats.estimate import Estimate

AIMS = {"median": 0.02, "mean": 0.04, "coverage": 0.93, "width": 0.25}
OURS, OURS_FITTING = "ray_bench", "ray_bench, where a law fits"


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


def ours(task: Task) -> list[Prediction]:
    """Predict as `ray-bench fit` does."""
    fit = fit_curve(task.points)
    law = None if fit.chosen is None else fit.chosen.test.law.key

    def estimates(level: float) -> list[Estimate]:
        if task.batches is None:
            return [x.throughput for x in fit.forecast(task.world_sizes, level)]
        rows = []
        for size, batch in zip(task.world_sizes, task.batches, strict=True):
            there = replace(fit, points=fit.points.with_batch(batch))
            rows.append(there.forecast((size,), level)[0].throughput)
        return rows

    return _predictions(task, estimates, law)


def plain(law: AnyLaw) -> Callable[[Task], list[Prediction]]:
    """Return how one law alone predicts, fitted to the cost of a sample."""

    def predict(task: Task) -> list[Prediction]:
        fit = fit_law(law, task.points)
        return _predictions(
            task, lambda level: [fit.throughput(n, level) for n in task.world_sizes], law.key
        )

    return predict


def _predictions(
    task: Task, estimates: Callable[[float], list[Estimate]], law: str | None
) -> list[Prediction]:
    levels = [estimates(1 - 2 * p) for p in PROBABILITIES if p < 0.5]
    many = task.points.at(np.array(task.world_sizes)).num_nodes > 1
    crosses = many & (not task.points.place.has_many_nodes)
    rows = zip(task.world_sizes, task.measured, crosses, *levels, strict=True)
    return [
        Prediction(
            curve=task.curve,
            group=task.group,
            regime=task.regime,
            num_points=len(task.points),
            crosses_boundary=bool(is_crossing),
            world_size=n,
            measured=x,
            predicted=found[0].value,
            low=found[0].low,
            high=found[0].high,
            quantiles=_quantiles(found),
            law=law,
        )
        for n, x, is_crossing, *found in rows
    ]


def _quantiles(found: Sequence[Estimate]) -> tuple[float, ...] | None:
    lows = [x.low for x in found if x.low is not None]
    highs = [x.high for x in found if x.high is not None]
    return (*lows, found[0].value, *reversed(highs)) if lows and highs else None


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


def run(todo: Sequence[Task]) -> tuple[list[Score], dict[str, list[Prediction]]]:
    """Return the scores and the predictions of every method."""
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


def as_text(rows: Sequence[tuple[str, ...]], form: str) -> str:
    """Return a table for a screen or as Markdown."""
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


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _baseline(file: Path) -> list[Prediction]:
    rows = _read(file)["predictions"][OURS]
    return [Prediction(**{k: v for k, v in x.items() if k != "error"}) for x in rows]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("curves", type=Path, metavar="CURVES.json", nargs="+")
    parser.add_argument("--format", choices=("terminal", "md", "json"), default="terminal")
    parser.add_argument(
        "--split",
        choices=("largest", "every"),
        default="largest",
        help="every: each world size from all smaller ones, two or more of them",
    )
    parser.add_argument("--worst", type=int, default=0, help="also list so many worst predictions")
    parser.add_argument(
        "--batch",
        choices=("all", "points", "none"),
        default="all",
        help="the batches that the fit is told: also what is predicted has one",
    )
    parser.add_argument("--strata", action="store_true", help="also list scores by stratum")
    parser.add_argument("--baseline", type=Path, metavar="JSON", help="predictions to pair with")
    given = parser.parse_args(arguments)
    curves = [x for file in given.curves for x in _read(file)["curves"]]
    scores, found = run(list(tasks(curves, given.split, given.batch)))
    if given.format == "json":
        print(as_json(scores, found))
        return 0
    print(as_text(rows_of(scores), given.format))
    if given.strata or given.baseline:
        before = _baseline(given.baseline) if given.baseline else None
        print("\n" + as_text(cells_of(judged(found[OURS], before)), given.format))
    for x in sorted(found[OURS], key=lambda x: -x.error)[: given.worst]:
        held = "" if x.is_covered else ", outside its interval"
        print(
            f"{x.curve} at {x.world_size}: {x.predicted:.6g} for {x.measured:.6g}, "
            f"{100 * x.error:.1f} %{held}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
