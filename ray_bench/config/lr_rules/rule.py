"""What a learning-rate rule says for a batch that is k times the one that `lr` was chosen for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class AdamSettings(NamedTuple):
    """Of AdamW and LAMB."""

    beta1: float
    beta2: float
    epsilon: float


def _one(growth: float) -> float:
    del growth
    return 1.0


def _as_they_are(settings: AdamSettings, growth: float) -> AdamSettings:
    del growth
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule; its functions take the growth k of the batch, above 0.

    Attributes:
        name: As it is configured.
        source: Where it comes from.
        factor: By how much the highest rate is multiplied; of an adaptive rule the most.
        warmup_factor: By how much the warm-up is lengthened.
        starts_at_zero: Whether its warm-up starts at 0 and not at `lr`, also without growth.
        adam: The betas and epsilon that go with the rate.
        is_adaptive: Whether the rate follows the gradients that are measured.
    """

    name: str
    source: str
    factor: Callable[[float], float]
    warmup_factor: Callable[[float], float] = _one
    starts_at_zero: bool = False
    adam: Callable[[AdamSettings, float], AdamSettings] = _as_they_are
    is_adaptive: bool = False
