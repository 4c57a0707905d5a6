"""How the learning rate follows the batch: one file a rule, with its source."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from ray_bench.config.lr_rules.adascale import ADASCALE
from ray_bench.config.lr_rules.legw import LEGW
from ray_bench.config.lr_rules.linear import LINEAR
from ray_bench.config.lr_rules.none import NONE
from ray_bench.config.lr_rules.power import MOST, PREFIX, exponent_of, power
from ray_bench.config.lr_rules.rule import AdamSettings as AdamSettings
from ray_bench.config.lr_rules.rule import Rule as Rule
from ray_bench.config.lr_rules.sqrt import SQRT

RULES: Mapping[str, Rule] = {rule.name: rule for rule in (NONE, LINEAR, SQRT, LEGW, ADASCALE)}


def rule_of(name: str) -> Rule:
    """Return a rule by its name.

    Raises:
        ValueError: There is none; says what there is.
    """
    if name in RULES:
        return RULES[name]
    exponent = exponent_of(name)
    if exponent is not None:
        return power(exponent)
    if name.startswith(PREFIX):
        raise ValueError(f"the exponent must be a number from 0 to {MOST:g}, got {name!r}")
    close = difflib.get_close_matches(name, [*RULES, "power:0.66"], n=1, cutoff=0.5)
    hint = f". Did you mean `{close[0]}`?" if close else ""
    raise ValueError(f"must be one of {', '.join(RULES)}, or power:0.66, got {name!r}{hint}")
