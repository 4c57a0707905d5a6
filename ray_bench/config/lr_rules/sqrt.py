"""The rate grows as the square root of the batch.

For SGD: Krizhevsky 2014, arXiv 1404.5997, section 5. For Adam the averages have to follow too:
Malladi et al. 2022, On the SDEs and Scaling Rules for Adaptive Gradient Algorithms, arXiv
2205.10287, section 5 (square root scaling rule for Adam).
"""

from __future__ import annotations

import math

from ray_bench.config.lr_rules.rule import AdamSettings, Rule


def scaled_adam(settings: AdamSettings, growth: float) -> AdamSettings:
    """Return 1 - k (1 - beta) for both betas, and epsilon / sqrt(k); a beta may fall below 0."""
    return AdamSettings(
        beta1=1 - growth * (1 - settings.beta1),
        beta2=1 - growth * (1 - settings.beta2),
        epsilon=settings.epsilon / math.sqrt(growth),
    )


SQRT = Rule(
    name="sqrt",
    source="Krizhevsky 2014, arXiv 1404.5997; for Adam Malladi et al. 2022, arXiv 2205.10287",
    factor=math.sqrt,
    adam=scaled_adam,
)
