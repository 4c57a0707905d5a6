"""The rate grows as the batch, after a gradual warm-up from the rate of the base batch.

Goyal et al. 2017, Accurate, Large Minibatch SGD, arXiv 1706.02677, sections 2.1 and 2.2.
"""

from __future__ import annotations

from ray_bench.config.lr_rules.rule import Rule

LINEAR = Rule(
    name="linear", source="Goyal et al. 2017, arXiv 1706.02677", factor=lambda growth: growth
)
