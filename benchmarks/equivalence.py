"""Does the equivalence test err as it says? `python -m benchmarks.equivalence`: simulated seeds.

Error rates: how often results that differ by exactly the margin are called equivalent, at 5 %;
power: how often equal ones are, beside what was planned. Accuracies have normal noise from seed to
seed, margin 0.5 points. Samples to a target are read at evaluations, margin 10 %.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ray_bench.analysis.parity.compare import Margin, compare_samples
from ray_bench.analysis.parity.critical_batch import back_test, critical_batch
from ray_bench.analysis.parity.multiplicity import holm
from ray_bench.analysis.parity.outcomes import Outcome, Reached
from ray_bench.analysis.parity.power import difference_power, needed_pairs, power
from ray_bench.analysis.parity.tost import p_equivalent, unpaired
from ray_bench.stats.means import t_quantile

MARGIN = 0.005
SEEDS = (3, 5, 10)
#: Standard deviation of a paired difference of accuracies, points.
SPREADS = (0.001, 0.002, 0.004, 0.008)
CELLS = 6
_SLOW = 20  # simulations that are not vectorised have so many times fewer sweeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How often something was claimed."""

    what: str
    seeds: int
    spread: float  # standard deviation of a difference: points, or relative
    rate: float
    planned: float | None  # None: at most 0.05
    num_sweeps: int


def claims(
    rng: np.random.Generator, num_sweeps: int, seeds: int, spread: float, true: float
) -> float:
    """Return how often paired seeds are called equivalent."""
    found = true + spread * rng.standard_normal((num_sweeps, seeds))
    error = found.std(axis=1, ddof=1) / math.sqrt(seeds)
    return float((p_equivalent(found.mean(axis=1), error, seeds - 1, MARGIN) <= 0.05).mean())


def paired_rows(num_sweeps: int) -> Iterator[Row]:
    """Yield error rates at the margin, and power at no difference."""
    rng = np.random.default_rng(1)
    for seeds in SEEDS:
        for spread in SPREADS:
            for what, true in (("error, paired", MARGIN), ("power, paired", 0.0)):
                yield Row(
                    what=what,
                    seeds=seeds,
                    spread=spread,
                    rate=claims(rng, num_sweeps, seeds, spread, true),
                    planned=power(spread, MARGIN, seeds, true=true),
                    num_sweeps=num_sweeps,
                )


def difference_rows(num_sweeps: int) -> Iterator[Row]:
    """Yield how often a difference is claimed where there is none, and where it is 1 point."""
    rng = np.random.default_rng(6)
    for seeds in SEEDS:
        for spread in SPREADS[1:]:
            for what, true in (("worse or better, though equal", 0.0), ("worse, by 1 point", 0.01)):
                found = -true + spread * rng.standard_normal((num_sweeps, seeds))
                error = found.std(axis=1, ddof=1) / math.sqrt(seeds)
                equal = p_equivalent(found.mean(axis=1), error, seeds - 1, MARGIN) <= 0.05
                reach = t_quantile(seeds - 1) * error
                is_told = (np.abs(found.mean(axis=1)) > reach) & ~equal
                yield Row(
                    what=what,
                    seeds=seeds,
                    spread=spread,
                    rate=float(is_told.mean()),
                    planned=difference_power(spread, true, seeds) if true else None,
                    num_sweeps=num_sweeps,
                )


def planned_rows(num_sweeps: int) -> Iterator[Row]:
    """Yield the power of as many seeds as the plan asks for."""
    rng = np.random.default_rng(2)
    for wanted in (0.80, 0.90):
        for spread in SPREADS[1:]:
            seeds = needed_pairs(spread, MARGIN, wanted)
            if seeds is not None:
                yield Row(
                    what=f"seeds for {100 * wanted:.0f} %",
                    seeds=seeds,
                    spread=spread,
                    rate=claims(rng, num_sweeps, seeds, spread, 0.0),
                    planned=power(spread, MARGIN, seeds),
                    num_sweeps=num_sweeps,
                )


def unpaired_rows(num_sweeps: int) -> Iterator[Row]:
    """Yield error rates of seeds that are not shared, one side three times as noisy."""
    rng = np.random.default_rng(3)
    for seeds in SEEDS:
        hits = 0
        for _ in range(num_sweeps // _SLOW):
            ours = MARGIN + 0.0015 * rng.standard_normal(seeds)
            hits += unpaired(ours, 0.0005 * rng.standard_normal(seeds)).p_equivalent(MARGIN) <= 0.05
        yield Row(
            what="error, unpaired",
            seeds=seeds,
            spread=math.hypot(0.0015, 0.0005),
            rate=hits / (num_sweeps // _SLOW),
            planned=None,
            num_sweeps=num_sweeps // _SLOW,
        )


def family_rows(num_sweeps: int) -> Iterator[Row]:
    """Yield how often any of several cells at the margin is called equivalent; one baseline."""
    rng = np.random.default_rng(4)
    count = num_sweeps // _SLOW
    for seeds in SEEDS:
        base = rng.standard_normal((count, 1, seeds))
        noise = 0.0007 * (rng.standard_normal((count, CELLS, seeds)) - base)
        found = MARGIN + noise
        error = found.std(axis=2, ddof=1) / math.sqrt(seeds)
        p_values = p_equivalent(found.mean(axis=2), error, seeds - 1, MARGIN)
        for name, rate in (
            (f"any of {CELLS}, Holm", np.mean([min(holm(row)) <= 0.05 for row in p_values])),
            (f"any of {CELLS}, uncorrected", np.mean(p_values.min(axis=1) <= 0.05)),
        ):
            yield Row(
                what=name,
                seeds=seeds,
                spread=0.001,
                rate=float(rate),
                planned=None,
                num_sweeps=count,
            )


def samples_rows(num_sweeps: int) -> Iterator[Row]:
    """Yield error rates of samples to a target that are read at evaluations, one an epoch.

    The baseline takes 15.05 to 15.95 epochs on average, the other a tenth more.
    """
    rng = np.random.default_rng(5)
    margin = Margin()
    count = num_sweeps // _SLOW
    for spread in (0.002, 0.02):
        for seeds in SEEDS[1:]:
            hits = np.zeros(2)
            for _ in range(count):
                start = 15 + rng.uniform(0.05, 0.95)
                noise = np.exp(spread / math.sqrt(2) * rng.standard_normal((2, seeds)))
                base, other = start * noise[0], start * (1 + margin.samples_frac) * noise[1]
                found = compare_samples(_read(other), _read(base), margin.of("samples"))
                if found is not None and found.difference is not None:
                    plain = found.difference.p_equivalent(margin.of("samples"))
                    hits += (found.p_equivalent <= 0.05, plain <= 0.05)
            names = ("error, samples to the target", "the same, uncorrected")
            for name, rate in zip(names, hits / count, strict=True):
                yield Row(
                    what=name,
                    seeds=seeds,
                    spread=spread,
                    rate=float(rate),
                    planned=None,
                    num_sweeps=count,
                )


def _read(epochs: np.ndarray) -> list[Outcome]:
    """Return outcomes of runs that were evaluated after every epoch."""
    return [
        Outcome(
            seed=i,
            quality=None,
            is_diverged=False,
            is_stopped=False,
            num_val_samples=None,
            reached=Reached(
                epoch=math.ceil(x),
                samples=1000.0 * math.ceil(x),
                samples_before=1000.0 * (math.ceil(x) - 1),
                train_s=None,
                with_eval_s=None,
                seen=1e5,
            ),
        )
        for i, x in enumerate(epochs)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sweeps", type=int, default=200_000, help="per row")
    parser.add_argument("--format", choices=("terminal", "md", "json"), default="terminal")
    parser.add_argument("--reference", type=Path, help="JSON of reference convergence points")
    given = parser.parse_args(arguments)
    if given.reference is not None:
        print(reference_table(given.reference))
        return 0
    parts = (paired_rows, difference_rows, planned_rows, unpaired_rows, family_rows, samples_rows)
    rows = [row for part in parts for row in part(given.sweeps)]
    if given.format == "json":
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return 0
    lines = [_line(row) for row in rows]
    if given.format == "md":
        print("| what | seeds | spread | sweeps | claimed | planned |\n" + "| --- " * 6 + "|")
        print("\n".join(f"| {' | '.join(line)} |" for line in lines))
        return 0
    print("\n".join(f"{a:30} {b:>5} {c:>7} {d:>8} {e:>8} {f:>12}" for a, b, c, d, e, f in lines))
    return 0


def reference_table(path: Path) -> str:
    """Return critical batches of reference convergence points, and how well others tell each."""
    lines = [
        "| job | batches | critical batch | published | worst of a batch | left out: worst error "
        "| left out: covered |",
        "| --- " * 7 + "|",
    ]
    for point in json.loads(path.read_text(encoding="utf-8"))["points"]:
        found = critical_batch(point["batch"], point["mean"])
        tests = () if found.critical is None else back_test(found)
        worst = max((abs(x.error_frac) for x in tests), default=None)
        fit = found.critical
        cells = (
            point["job"],
            str(len(found.batch)),
            "refused"
            if fit is None or fit.low is None or fit.high is None
            else f"{fit.value:.0f} ({fit.low:.0f} to {fit.high:.0f})",
            str(point["fit"].get("Bc", "refused")),
            f"{100 * (found.max_residual_frac or 0):.1f} %",
            "-" if worst is None else f"{100 * worst:.1f} %",
            f"{sum(x.is_covered for x in tests)} of {len(tests)}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _line(row: Row) -> tuple[str, ...]:
    planned = "at most 5 %" if row.planned is None else f"{100 * row.planned:.2f} %"
    if "uncorrected" in row.what:
        planned = "-"
    return (
        row.what,
        str(row.seeds),
        f"{100 * row.spread:.2f} %",
        str(row.num_sweeps),
        f"{100 * row.rate:.2f} %",
        planned,
    )


if __name__ == "__main__":
    sys.exit(main())
