"""Are 95 % intervals that? `python benchmarks/coverage.py`: simulated curves with a known truth.

Parameters and the law's own predictions: truths are laws, so their intervals have to cover 93 to
97 %. Forecasts: truths are a law and a drift as in `ray_bench.analysis.fit.drift`, at world sizes
twice and eight times the largest measured one, so the intervals have to cover at least 93 %.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ray_bench.analysis.fit.drift import Drift
from ray_bench.analysis.fit.forecast import fit_curve
from ray_bench.analysis.fit.law_fit import fit_law
from ray_bench.analysis.fit.points import Points, points_of
from ray_bench.analysis.laws import amdahl, gustafson, logarithmic, power, ring, usl
from ray_bench.analysis.laws.law import Law
from ray_bench.records import Scaling
from ray_bench.stats.log_estimate import log_means

SIZES = (1, 2, 3, 4, 6, 8)
NOISES = (0.005, 0.02, 0.05)
REPEATS = 3
#: Coefficients of the truths, away from the bounds at 0.
TRUTHS: tuple[tuple[Law, Scaling, tuple[float, ...]], ...] = (
    (amdahl.LAW, "strong", (0.15, 0.85)),
    (gustafson.LAW, "weak", (0.4, 0.6)),
    (usl.USL2, "weak", (1.0, 0.1)),
    (ring.BANDWIDTH, "weak", (1.0, 0.3)),
    (logarithmic.LAW, "weak", (1.0, 0.2)),
    (power.LAW, "weak", (0.0, 0.2)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How often intervals held the truth."""

    what: str
    noise: float
    num_sweeps: int
    coverage: float


def sweep(
    law: Law,
    scaling: Scaling,
    coefficients: Sequence[float],
    noise: float,
    rng: np.random.Generator,
    drift: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Points:
    """Return the points of one simulated sweep with repeats."""
    blank = points_of(dict(zip(SIZES, log_means([[1.0]] * len(SIZES)), strict=True)), scaling)
    cost = law.log_cost(np.array([coefficients]), blank.place)[0]
    if drift is not None:
        cost = cost + drift(blank.place.world_size)
    means = np.log(np.array(SIZES)) - cost
    runs = np.exp(means[:, None] + noise * rng.standard_normal((len(SIZES), REPEATS)))
    return points_of(dict(zip(SIZES, log_means(list(runs)), strict=True)), scaling)


def law_coverage(
    law: Law, scaling: Scaling, coefficients: Sequence[float], noise: float, num_sweeps: int
) -> list[Row]:
    """Return how often intervals of every parameter and of a new run at 32 held the truth."""
    rng = np.random.default_rng(1)
    truth = {name: float(x) for name, x in law.values(np.array(coefficients)).items()}
    hits: dict[str, int] = dict.fromkeys([*truth, "new run at 32"], 0)
    for _ in range(num_sweeps):
        points = sweep(law, scaling, coefficients, noise, rng)
        fit = fit_law(law, points)
        for name, value in truth.items():
            hits[name] += fit.parameter(name).contains(value)
        cost = law.log_cost(np.array([coefficients]), points.at(np.array([32.0])))[0, 0]
        new = 32 / np.exp(cost + noise * rng.standard_normal())
        hits["new run at 32"] += fit.throughput(32).contains(float(new))
    return [
        Row(what=f"{law.key}: {name}", noise=noise, num_sweeps=num_sweeps, coverage=n / num_sweeps)
        for name, n in hits.items()
    ]


def forecast_coverage(noise: float, num_sweeps: int, *, with_drift: bool = True) -> list[Row]:
    """Return how often forecasts held a new run, with truths that drift off their law or do not."""
    rng = np.random.default_rng(2)
    targets = (16, 64)
    hits = dict.fromkeys(targets, 0)
    for number in range(num_sweeps):
        law, scaling, coefficients = TRUTHS[number % len(TRUTHS)]
        walk = _walk(rng) if with_drift else None
        fit = fit_curve(sweep(law, scaling, coefficients, noise, rng, walk))
        for row in fit.forecast(targets):
            place = fit.points.at(np.array([float(row.world_size)]))
            cost = law.log_cost(np.array([coefficients]), place)[0, 0]
            cost += walk(place.world_size)[0] if walk else 0.0
            new = row.world_size / np.exp(cost + noise * rng.standard_normal())
            hits[row.world_size] += row.throughput.contains(float(new))
    name = "drifting law" if with_drift else "law that is right"
    return [
        Row(
            what=f"forecast at {n}, {name}",
            noise=noise,
            num_sweeps=num_sweeps,
            coverage=x / num_sweeps,
        )
        for n, x in hits.items()
    ]


def _walk(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Return a random walk in log2 N, on a grid that is finer than the world sizes."""
    sd = Drift().per_doubling
    grid = np.arange(0, 8.001, 0.125)
    path = np.concatenate([[0], np.cumsum(rng.standard_normal(len(grid) - 1))])
    path = path * sd * np.sqrt(0.125)
    return lambda sizes: np.interp(np.log2(sizes), grid, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sweeps", type=int, default=1000, help="per law and noise")
    parser.add_argument("--forecasts", type=int, default=300, help="per noise")
    parser.add_argument("--format", choices=("terminal", "md", "json"), default="terminal")
    given = parser.parse_args(arguments)
    rows = []
    for noise in NOISES:
        for law, scaling, coefficients in TRUTHS:
            rows += law_coverage(law, scaling, coefficients, noise, given.sweeps)
        rows += forecast_coverage(noise, given.forecasts)
        rows += forecast_coverage(noise, given.forecasts, with_drift=False)
    if given.format == "json":
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return 0
    lines = [(row.what, f"{100 * row.noise:g} %", f"{100 * row.coverage:.1f} %") for row in rows]
    if given.format == "md":
        print("| interval | noise | covered |\n| --- | --- | --- |")
        print("\n".join(f"| {' | '.join(line)} |" for line in lines))
        return 0
    print("\n".join(f"{what:42} {noise:>6} {covered:>8}" for what, noise, covered in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
