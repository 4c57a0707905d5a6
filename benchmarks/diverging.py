"""Seeds that diverge: how often is a world size called worse? `python -m benchmarks.diverging`.

Every rule at every world size is compared with one baseline, seed by seed, as `analysis.parity`
does it, and Holm's procedure holds them together.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ray_bench.analysis.parity.compare import Comparison, compare_quality
from ray_bench.analysis.parity.multiplicity import holm
from ray_bench.analysis.parity.outcomes import Outcome

MARGIN = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A sweep's truth: accuracies about 0.9, and who diverges."""

    num_seeds: int = 5
    num_cells: int = 1
    spread: float = 0.002  # standard deviation from seed to seed
    shared_frac: float = 0.0  # of its variance that a seed has everywhere
    diverged_frac: float = 0.2  # expected share, of candidates and baseline
    baseline_diverged_frac: float | None = None  # where the baseline's is another
    is_the_worst: bool = False  # it is the worst that diverge; else they diverge by chance
    loss: float = 0.0  # by how much candidates are below the baseline


def claimed_frac(rng: np.random.Generator, planted: Planted, num_sweeps: int) -> float:
    """Return in how many sweeps any candidate is called worse or better."""
    return float(np.mean([_claims(_sweep(rng, planted)) for _ in range(num_sweeps)]))


def _claims(found: Sequence[Comparison]) -> bool:
    return bool(found) and min(holm([x.p_different for x in found])) <= 0.05


def _sweep(rng: np.random.Generator, planted: Planted) -> list[Comparison]:
    shape = (planted.num_cells + 1, planted.num_seeds)
    own, shared = 1 - planted.shared_frac, planted.shared_frac
    luck = np.sqrt(own) * rng.standard_normal(shape)
    luck += np.sqrt(shared) * rng.standard_normal(planted.num_seeds)
    share = np.full((shape[0], 1), planted.diverged_frac)
    if planted.baseline_diverged_frac is not None:
        share[0] = planted.baseline_diverged_frac
    chance = _ranks(luck) if planted.is_the_worst else rng.uniform(size=shape)
    values = 0.9 + planted.spread * luck
    values[1:] -= planted.loss
    base, *others = (
        _side(row, is_lost) for row, is_lost in zip(values, chance < share, strict=True)
    )
    made = (compare_quality(x, base, "accuracy", MARGIN) for x in others)
    return [x for x in made if x is not None]


def _ranks(luck: np.ndarray) -> np.ndarray:
    """Return the probability of as little luck, from 0 to 1."""
    from scipy.special import ndtr

    return np.asarray(ndtr(luck))


def _side(values: np.ndarray, is_lost: np.ndarray) -> list[Outcome]:
    return [
        Outcome(
            seed=i,
            quality=None if lost else float(value),
            is_diverged=bool(lost),
            is_stopped=False,
            num_val_samples=10_000,
            reached=None,
        )
        for i, (value, lost) in enumerate(zip(values, is_lost, strict=True))
    ]


def main() -> int:
    """Print how often equal sides are called different, and a loss of 1 point worse."""
    print(f"{'seeds':>5} {'cells':>5} {'diverged':>8} {'who':>9} {'equal':>7} {'1 point less':>12}")
    for num_seeds, num_cells in ((5, 1), (5, 6), (10, 1), (10, 6)):
        for share in (0.05, 0.2, 0.4):
            for is_the_worst in (False, True):
                planted = Planted(
                    num_seeds=num_seeds,
                    num_cells=num_cells,
                    diverged_frac=share,
                    is_the_worst=is_the_worst,
                )
                lower = replace(planted, loss=0.01, baseline_diverged_frac=0.0)
                who = "worst" if is_the_worst else "by chance"
                rates = [
                    claimed_frac(np.random.default_rng(1), x, 2000 // num_cells)
                    for x in (planted, lower)
                ]
                shown = f"{100 * rates[0]:>5.1f} % {100 * rates[1]:>10.0f} %"
                print(f"{num_seeds:>5} {num_cells:>5} {100 * share:>6.0f} % {who:>9} {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
