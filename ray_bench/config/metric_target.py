"""A target for a metric by its name, such as `val_acc>=0.9`: read, and looked for in a history."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ray_bench.errors import ConfigError

Relation = Literal[">=", "<=", ">", "<"]

_FORM = re.compile(
    r"\s*(?P<name>[^\s<>=!]+)\s*(?P<relation>>=|<=|>|<)\s*(?P<value>[^\s%]+)\s*(?P<percent>%?)\s*"
)
_HOLDS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
#: Names of shares, of which none can be above 1.
_SHARE = re.compile(r"acc(uracy)?($|_|\b)|top_?[15]\b|_frac$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MetricTarget:
    """A metric, and what it has to be."""

    metric: str
    relation: Relation
    value: float

    def holds(self, value: float | None) -> bool:
        """Return whether a value is at the target or beyond; unknown and NaN are not."""
        return value is not None and bool(_HOLDS[self.relation](value, self.value))

    def first(self, history: Sequence[float | None]) -> int | None:
        """Return the index of the first value at the target or beyond, None if there is none."""
        return next((i for i, value in enumerate(history) if self.holds(value)), None)

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.metric}{self.relation}{self.value:g}"


def parse_target(text: str) -> MetricTarget:
    """Return the target of a text such as `val_acc>=0.9`, `val_acc >= 90 %` or `val_loss<2.1`.

    Raises:
        ConfigError: It is none, or a share above 100 %.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"Cannot read the target {text!r}; write a metric, >=, <=, > or <, and a number, like "
            "val_acc>=0.9 or val_loss<=2.1."
        )
    value = _number(match["value"], text) / (100 if match["percent"] else 1)
    name, relation = match["name"], match["relation"]
    if (match["percent"] or _SHARE.search(name)) and not 0 < value <= 1:
        raise ConfigError(
            f"The target {text!r} is a share of {100 * value:g} %; it has to be above 0 and at "
            f"most 100 %, like {name}{relation}0.9 or {name}{relation}90%."
        )
    return MetricTarget(name, relation, value)  # type: ignore[arg-type]  # one of the form's


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"The target {whole!r} needs a number, got {text!r}; write it like 0.9.")
    return value
