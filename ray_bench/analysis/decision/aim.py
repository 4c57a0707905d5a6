"""What a run is wanted to be: fast, cheap, both, in time, within a budget, or efficient."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from ray_bench.errors import ConfigError

Kind = Literal["fastest", "cheapest", "balanced", "deadline", "budget", "efficiency"]

_PLAIN: tuple[Kind, ...] = ("fastest", "cheapest", "balanced")
_SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_TIME = re.compile(rf"{_NUMBER}\s*(ms|s|min|h|d)", re.ASCII)
_MONEY = re.compile(rf"{_NUMBER}\s*([A-Za-z]{{1,8}})?", re.ASCII)
_FRACTION = re.compile(rf"{_NUMBER}\s*(%)?", re.ASCII)
_FORMS = (
    "fastest, cheapest, balanced, deadline=30min, budget=5USD or efficiency=0.8 (times in s, min, "
    "h or d)"
)


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted of a run.

    fastest: the least time. cheapest: the least worker-time. balanced: the least time x money,
    which is the most speedup x efficiency: the knee of Eager, Zahorjan and Lazowska 1989 (IEEE
    Transactions on Computers 38(3)), the processor working set of Ghosal, Serazzi and Tripathi 1991
    (IEEE Transactions on Software Engineering 17(5)). deadline: the least money that is in time.
    budget: the least time that can be paid. efficiency: the least time at that parallel efficiency
    or more.
    """

    kind: Kind = "balanced"
    limit: float | None = None  # seconds, money, or a fraction

    @property
    def has_limit(self) -> bool:
        """Whether a world size can fail to meet the aim."""
        return self.limit is not None


def parse_aim(text: str, currency: str) -> Aim:
    """Return the aim of a text such as `deadline=30min`.

    Args:
        text: One of the forms of `Aim`.
        currency: That of the price; a budget in another one is refused.

    Raises:
        ConfigError: If it is none of the forms.
    """
    name, equals, rest = (part.strip() for part in text.strip().partition("="))
    if name in _PLAIN and not equals:
        return Aim(name)
    if not equals or name not in ("deadline", "budget", "efficiency"):
        raise ConfigError(f"There is no aim {text!r}; write {_FORMS}.")
    if name == "deadline":
        return Aim("deadline", _deadline(rest))
    if name == "budget":
        return Aim("budget", money_of(rest, currency))
    return Aim("efficiency", _efficiency(rest))


def seconds_of(text: str) -> float | None:
    """Return the seconds of a text such as `45s`, `30min` or `2h`; None where it is no time."""
    match = _TIME.fullmatch(text.strip())
    seconds = float(match.group(1)) * _SECONDS[match.group(2)] if match else 0.0
    return seconds if 0 < seconds < math.inf else None


def _deadline(text: str) -> float:
    seconds = seconds_of(text)
    if seconds is None:
        raise ConfigError(f"Cannot read the deadline {text!r}; write it like 45s, 30min or 2h.")
    return seconds


def money_of(text: str, currency: str) -> float:
    """Return the money of a text such as `5USD` or `5`.

    Raises:
        ConfigError: If it is none, or in another currency than the price.
    """
    match = _MONEY.fullmatch(text)
    money = float(match.group(1)) if match else 0.0
    if match is None or not 0 < money < math.inf:
        raise ConfigError(f"Cannot read the budget {text!r}; write it like 5{currency}.")
    if match.group(2) and match.group(2).upper() != currency.upper():
        raise ConfigError(
            f"The budget is in {match.group(2)}, the price in {currency}; write both in the same "
            f"currency, as in budget={match.group(1)}{currency}, or name it with --currency."
        )
    return money


def _efficiency(text: str) -> float:
    match = _FRACTION.fullmatch(text)
    share = float(match.group(1)) / (100 if match.group(2) else 1) if match else 0.0
    if not 0 < share <= 1:
        raise ConfigError(
            f"Cannot read the efficiency {text!r}; write a fraction above 0, at most 1, like 0.8."
        )
    return share
