"""No rule: the rate stays, whatever the batch."""

from __future__ import annotations

from ray_bench.config.lr_rules.rule import Rule

NONE = Rule(name="none", source="", factor=lambda _: 1.0)
