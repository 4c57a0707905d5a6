"""A node boundary that nobody measured, where the link beyond it is stated.

The bytes of all gradients pass every node's link 2 (N - 1) / N times in a ring. DDP hides some of
that behind the backward pass; nobody knows how much before it was measured. So a step becomes
longer by something between nothing and the whole transfer, all of it equally likely.
"""

from __future__ import annotations

import dataclasses
import math
import re

from ray_bench.analysis.fit.drift import Drift
from ray_bench.errors import ConfigError

_RATE = re.compile(r"\s*([0-9.]+)\s*([kMGT]?)(bps|bit/s|B/s)\s*", re.ASCII)
_BYTES = re.compile(r"\s*([0-9.]+)\s*([kMGT]?)(i?)B\s*", re.ASCII)
_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}


def with_link(
    drift: Drift, link_bytes_per_s: float, gradient_bytes: float, step_time_s: float
) -> Drift:
    """Return the drift with what the stated link can cost at a node boundary.

    Args:
        drift: Without it.
        link_bytes_per_s: Bandwidth of a node's link.
        gradient_bytes: All gradients of a step.
        step_time_s: A step on one node.
    """
    most = math.log1p(2 * gradient_bytes / link_bytes_per_s / step_time_s)
    return dataclasses.replace(
        drift,
        node_boundary=max(most / math.sqrt(12), drift.known_boundary),
        boundary_cost=most / 2,
        is_link_stated=True,
    )


def rate(text: str) -> float:
    """Return bytes per second from `25Gbps`, `25Gbit/s` or `3GB/s`."""
    match = _RATE.fullmatch(text)
    value = _value(match)
    if match is None or value is None:
        raise ConfigError(f"Cannot read the bandwidth {text!r}; write it like 25Gbps or 3GB/s.")
    return value / (1 if match.group(3) == "B/s" else 8)


def num_bytes(text: str) -> float:
    """Return bytes from `100MB` (1e6 bytes each) or `100MiB` (2^20)."""
    match = _BYTES.fullmatch(text)
    value = _value(match)
    if match is None or value is None:
        raise ConfigError(f"Cannot read the size {text!r}; write it like 100MB or 97.5MiB.")
    if not match.group(3):
        return value
    return value * (1024 / 1000) ** _POWERS[match.group(2)]


def _value(match: re.Match[str] | None) -> float | None:
    if match is None:
        return None
    try:
        value = float(match.group(1)) * 1000.0 ** _POWERS[match.group(2)]
    except ValueError:
        return None
    return value if 0 < value < math.inf else None
