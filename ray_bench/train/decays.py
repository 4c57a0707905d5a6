"""How the rate changes over a run: shares of the highest rate by the share of samples seen.

Cosine: Loshchilov and Hutter 2017, arXiv 1608.03983. One cycle: Smith and Topin 2018, arXiv
1708.07120. Warm-up, stable, decay: Hu et al. 2024, arXiv 2404.06395, with the straight fall of
Haegele et al. 2024, arXiv 2405.18392.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ray_bench.config.training import ScheduleConfig

#: (share of the run's samples, share of those after warm-up) -> share of the highest rate.
Decay = Callable[[float, float], float]


def decay_of(config: ScheduleConfig) -> Decay:
    """Return the configured shape; its arguments are 0 to 1."""
    last = config.final_frac

    def constant(_run: float, _after: float) -> float:
        return 1.0

    def step(run: float, _after: float) -> float:
        return float(config.drop_factor ** sum(run >= at for at in config.drops))

    def cosine(_run: float, after: float) -> float:
        return last + (1 - last) * (1 + math.cos(math.pi * after)) / 2

    def one_cycle(run: float, _after: float) -> float:
        if run < config.peak_frac:
            return run / config.peak_frac
        return _straight((run - config.peak_frac) / (1 - config.peak_frac), last)

    def wsd(run: float, _after: float) -> float:
        return _straight((run - (1 - config.decay_frac)) / config.decay_frac, last)

    return {
        "constant": constant,
        "step": step,
        "cosine": cosine,
        "one-cycle": one_cycle,
        "wsd": wsd,
    }[config.name or "constant"]


def _straight(share: float, last: float) -> float:
    return 1 - (1 - last) * min(max(share, 0.0), 1.0)
