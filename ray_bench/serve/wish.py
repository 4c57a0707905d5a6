"""What is asked of a study: the aim, the price, the target, the most workers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ray_bench.config.metric_target import parse_target
from ray_bench.errors import ConfigError

AIMS = ("balanced", "fastest", "cheapest", "deadline", "budget", "efficiency")
_MOST_WORKERS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to decide for, in the words of `ray-bench report`; None: as it was configured."""

    aim: str = "balanced"
    price: float | None = None  # money per worker and hour
    currency: str | None = None
    max_workers: int | None = None
    target: str | None = None  # like `0.9`, `accuracy>=90%` or `val_loss<=0.3`

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of `build_report`."""
        return {
            "aim": self.aim,
            "price_per_worker_hour": self.price,
            "currency": self.currency,
            "max_workers": self.max_workers,
            "target": self.target,
        }

    @property
    def query(self) -> str:
        """The same as a query, without what is not given; begins with `?` where it has any."""
        usual = {"aim": "balanced"}
        given = {
            "aim": self.aim,
            "price": self.price,
            "currency": self.currency,
            "max_workers": self.max_workers,
            "target": self.target,
        }
        found = {k: x for k, x in given.items() if x is not None and x != usual.get(k)}
        return f"?{urlencode(found)}" if found else ""


def wish_of(
    aim: str = "",
    limit: str = "",
    price: str = "",
    currency: str = "",
    max_workers: str = "",
    target: str = "",
) -> Wish:
    """Return the wish that fields of a form hold; an empty field is not given.

    Raises:
        ConfigError: A field cannot be read; says how to write it.
    """
    name = aim.strip() or "balanced"
    if limit.strip() and name in AIMS[3:]:
        name = f"{name}={limit.strip()}"
    return Wish(
        aim=name,
        price=_number("price", price, 0.0, math.inf),
        currency=_currency(currency.strip()),
        max_workers=_count(max_workers),
        target=_target(target.strip()),
    )


def _number(name: str, text: str, low: float, high: float) -> float | None:
    text = text.strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and low <= value <= high):
        raise ConfigError(f"The {name} {text[:40]!r} is no number from {low:g}; write it like 1.5.")
    return value


def _count(text: str) -> int | None:
    value = _number("largest number of workers", text, 1, _MOST_WORKERS)
    if value is None:
        return None
    if value != int(value):
        raise ConfigError(f"{text.strip()} is no number of workers; write it like 16.")
    return int(value)


def _target(text: str) -> str | None:
    if not text:
        return None
    if text.endswith("%") and text[0].isdigit():
        text = f"accuracy>={text}"
    parse_target(text)
    return text


def _currency(text: str) -> str | None:
    if text and not (text.isascii() and text.isalpha() and len(text) <= 8):
        raise ConfigError(f"The currency {text[:40]!r} is no code; write it like USD.")
    return text or None
