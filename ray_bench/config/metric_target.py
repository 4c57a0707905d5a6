"""A target for a metric by its name, such as `val_acc>=0.9`: read, and looked for in a history."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping, Sequence
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

ACCURACY, LOSS = "val_accuracy_frac", "val_loss"
#: What our own loop tells, by the names that people have for it. The loss of a model of bytes is in
#: bits per byte already.
NAMES: Mapping[str, tuple[str, ...]] = {
    ACCURACY: (
        *("accuracy", "acc", "val_accuracy", "val_acc", "validation_accuracy", "eval_accuracy"),
        *("test_accuracy", "top1"),
    ),
    LOSS: ("loss", "validation_loss", "eval_loss", "test_loss", "bits_per_byte"),
}
#: The name by which scripts tell the loss of training: as a target it is the one of validation.
TRAIN_LOSS = "loss"
_COLUMNS = {name: column for column, names in NAMES.items() for name in (column, *names)}


@dataclass(frozen=True, slots=True)
class MetricTarget:
    """A metric, and what it has to be."""

    metric: str
    relation: Relation
    value: float

    @property
    def column(self) -> str:
        """What our own loop calls the metric; the name itself where it has none of it."""
        return _COLUMNS.get(self.metric.lower(), self.metric)

    @property
    def told_as(self) -> tuple[str, ...]:
        """What runs may have told it as, the best name first; `loss` is never that of training."""
        lower = self.metric.lower()
        return (self.column,) if lower == TRAIN_LOSS else (self.metric, lower, self.column)

    @property
    def is_share(self) -> bool:
        """Whether the metric's name says that it is a share, from 0 to 1."""
        return is_share(self.metric)

    def holds(self, value: float | None) -> bool:
        """Return whether a value is at the target or beyond; unknown and NaN are not."""
        return value is not None and bool(_HOLDS[self.relation](value, self.value))

    def first(self, history: Sequence[float | None]) -> int | None:
        """Return the index of the first value at the target or beyond, None if there is none."""
        return next((i for i, value in enumerate(history) if self.holds(value)), None)

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.metric}{self.relation}{self.value:g}"


def is_share(name: str) -> bool:
    """Return whether a metric's name says that it is a share, from 0 to 1."""
    return _SHARE.search(name) is not None


def accuracy_target(accuracy_frac: float) -> MetricTarget:
    """Return the target of a validation accuracy."""
    return MetricTarget(ACCURACY, ">=", accuracy_frac)


def parse_target(text: str) -> MetricTarget:
    """Return the target of a text such as `val_acc>=0.9`, `val_acc >= 90 %`, `val_loss<2.1`, `0.9`.

    A number alone is a validation accuracy.

    Raises:
        ConfigError: It is none, a share above 100 %, or one that every training meets at once.
    """
    if _is_number(text):
        text = f"accuracy>={text.strip()}"
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"Cannot read the target {text!r}; write a metric, >=, <=, > or <, and a number, like "
            "'accuracy>=0.9' or 'val_loss<=2.1', in quotes: a shell takes > for itself."
        )
    value = _number(match["value"], text) / (100 if match["percent"] else 1)
    name, relation = match["name"], match["relation"]
    if (match["percent"] or is_share(name)) and not 0 < value <= 1:
        raise ConfigError(
            f"The target {text!r} is a share of {100 * value:g} %; it has to be above 0 and at "
            f"most 100 %, like {name}{relation}0.9 or {name}{relation}90%."
        )
    found = MetricTarget(name, relation, value)  # type: ignore[arg-type]  # one of the form's
    _check_side(found)
    return found


def _check_side(found: MetricTarget) -> None:
    """Refuse an accuracy from above, and a loss from below: training begins there."""
    wanted = {ACCURACY: ">=", LOSS: "<="}.get(found.column)
    if wanted is not None and found.relation[0] != wanted[0]:
        raise ConfigError(
            f"The target {str(found)!r} holds before training begins; write "
            f"'{found.metric}{wanted}{found.value:g}'."
        )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"The target {whole!r} needs a number, got {text!r}; write it like 0.9.")
    return value
