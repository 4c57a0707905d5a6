"""MLPerf's test of convergence against reference runs: nobody may converge faster than they do.

Of N runs the fastest and the slowest are dropped and the rest is averaged (olympic mean); the
reference has 2 N runs. The least mean that passes is
reference mean - t_0.95 s sqrt(1 / n + 1 / m), with s the standard deviation of the reference's kept
runs (divided by n, not n - 1), n and m the kept runs, and n + m - 2 degrees of freedom: a one-sided
two-sample t-test at 5 % that takes both spreads to be the reference's
(mlcommons/training_policies training_rules.adoc, mlcommons/logging rcp_checker.py). More than one
run that does not converge makes a result invalid; a single one counts as the slowest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.stats.means import t_quantile

RcpVerdict = Literal["pass", "too_fast", "invalid", "too_few_runs"]

#: Runs of a submission by benchmark in rcp_checker.py; the reference has twice as many.
SUBMISSION_RUNS = {
    **dict.fromkeys(("dlrm", "dlrm_dcnv2", "maskrcnn", "resnet", "ssd"), 5),
    **dict.fromkeys(("bert", "rnnt"), 10),
    "unet3d": 40,
}
#: Where the benchmark is none of MLPerf's.
USUAL_RUNS = 5
_ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RcpTest:
    """The test of one submission; means are None where there are too few runs to tell."""

    verdict: RcpVerdict
    num_runs: int
    wanted_runs: int
    num_reference_runs: int
    wanted_reference_runs: int
    mean: float | None = None  # olympic, inf where more than one run did not converge
    reference_mean: float | None = None
    least_mean: float | None = None  # that passes


def olympic_mean(values: Sequence[float]) -> float:
    """Return the mean without the smallest and the largest value; inf is a run without an end.

    Raises:
        ValueError: There are fewer than three values.
    """
    return float(np.mean(_kept(values)))


def _kept(values: Sequence[float]) -> np.ndarray:
    if len(values) < 3:
        raise ValueError(f"an olympic mean needs 3 values or more, got {len(values)}")
    return np.sort(np.asarray(values, dtype=float))[1:-1]


def reference_test(
    runs: Sequence[float], reference: Sequence[float], wanted_runs: int = USUAL_RUNS
) -> RcpTest:
    """Return whether runs converge no faster than the reference.

    Args:
        runs: Epochs or samples to the target; inf where a run did not get there.
        reference: The same of the reference's runs.
        wanted_runs: N. With fewer the verdict is `too_few_runs`.
    """
    counts = {
        "num_runs": len(runs),
        "wanted_runs": wanted_runs,
        "num_reference_runs": len(reference),
        "wanted_reference_runs": 2 * wanted_runs,
    }
    if len(runs) < wanted_runs or len(reference) < 2 * wanted_runs:
        return RcpTest(verdict="too_few_runs", **counts)
    kept = _kept(reference)
    if np.isinf(runs).sum() > 1 or np.isinf(kept).any():
        return RcpTest(verdict="invalid", **counts)
    mean, reference_mean = olympic_mean(runs), float(kept.mean())
    least = reference_mean - _reach(kept, len(runs) - 2)
    return RcpTest(
        verdict="too_fast" if mean < least else "pass",
        **counts,
        mean=mean,
        reference_mean=reference_mean,
        least_mean=least,
    )


def _reach(kept: np.ndarray, num_kept: int) -> float:
    error = float(kept.std()) * math.sqrt(1 / len(kept) + 1 / num_kept)
    return t_quantile(len(kept) + num_kept - 2, 1 - 2 * _ALPHA) * error
