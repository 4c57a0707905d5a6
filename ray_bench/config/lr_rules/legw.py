"""Linear-epoch gradual warm-up: the rate grows as the square root, the warm-up as the batch.

You et al. 2019, Large-Batch Training for LSTM and Beyond, arXiv 1901.08256, section 3. The warm-up
starts at 0.
"""

from __future__ import annotations

import math

from ray_bench.config.lr_rules.rule import Rule

LEGW = Rule(
    name="legw",
    source="You et al. 2019, arXiv 1901.08256",
    factor=math.sqrt,
    warmup_factor=lambda growth: growth,
    starts_at_zero=True,
)
