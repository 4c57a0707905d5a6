"""The rate grows as the variance of the gradient allows, between 1 and k times.

Johnson et al. 2020, AdaScale SGD, arXiv 2007.05105, algorithm 1. The gain is measured while it
trains (`train/adascale.py`); here is the most that it can be. It needs no warm-up.
"""

from __future__ import annotations

from ray_bench.config.lr_rules.rule import Rule

ADASCALE = Rule(
    name="adascale",
    source="Johnson et al. 2020, arXiv 2007.05105",
    factor=lambda growth: max(1.0, growth),
    is_adaptive=True,
)


def gain(mean_sq: float, variance: float, growth: float) -> float:
    """Return r = (s + m) / (s / k + m), between 1 and k.

    Args:
        mean_sq: m, the squared norm of the mean gradient; an estimate below 0 counts as 0.
        variance: s, trace of the covariance of a gradient of the base batch; the same.
        growth: k, at least 1.
    """
    mean, spread = max(mean_sq, 0.0), max(variance, 0.0)
    below = spread / growth + mean
    return 1.0 if below <= 0 else min(max((spread + mean) / below, 1.0), max(growth, 1.0))
