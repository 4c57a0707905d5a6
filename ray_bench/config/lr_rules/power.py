"""The rate grows as the batch to a power of one's own.

Powers between those of `sqrt` and `linear` were found to be the best ones for networks of several
kinds: Shallue et al. 2019, Measuring the Effects of Data Parallelism, arXiv 1811.03600.
"""

from __future__ import annotations

import math

from ray_bench.config.lr_rules.rule import Rule

PREFIX = "power:"
MOST = 2.0


def exponent_of(name: str) -> float | None:
    """Return the exponent of `power:0.66`; None for other names, and above 2 or below 0."""
    if not name.startswith(PREFIX):
        return None
    try:
        exponent = float(name.removeprefix(PREFIX))
    except ValueError:
        return None
    return exponent if math.isfinite(exponent) and 0 <= exponent <= MOST else None


def power(exponent: float) -> Rule:
    """Return the rule k ** exponent."""
    return Rule(
        name=f"{PREFIX}{exponent:g}",
        source="Shallue et al. 2019, arXiv 1811.03600",
        factor=lambda growth: float(growth**exponent),
    )
