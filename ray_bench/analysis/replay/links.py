"""Where the numbers of a link come from: measured, stated, or a preset."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ray_bench.analysis.network import Link, NetworkStudy, near
from ray_bench.analysis.replay.cost import Correction, Wire
from ray_bench.analysis.replay.presets import PRESETS, Preset
from ray_bench.errors import AnalysisError
from ray_bench.stats.estimate import Estimate

#: sweep: of all-reduces. buckets: of the gradients of sampled steps.
Origin = Literal["sweep", "buckets", "stated", "preset"]
#: A stated latency is doubted from so many times that of links as fast on.
_DOUBTFUL_TIMES = 4
_FASTEST_S = 3.4e-6  # a ring step over NVLink, for what is faster than every preset


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkValues:
    """Alpha and beta with what is known of them; only measured ones have intervals."""

    alpha_s: Estimate
    beta_s_per_byte: Estimate
    origin: Origin
    name: str  # of the preset, or the id of the sweep; empty if stated
    worst_residual_frac: float | None = None  # of the fit, where it was measured
    sizes_bytes: tuple[int, int] | None = None  # smallest and largest buffer of that fit
    ring_workers: int | None = None  # alpha is a share of all-reduces of so many workers
    correction: Correction | None = None  # where alpha and beta miss what was measured

    @property
    def is_measured(self) -> bool:
        """Whether it was measured, and not assumed."""
        return self.origin in ("sweep", "buckets")

    @property
    def wire(self) -> Wire:
        """The values themselves."""
        return Wire(
            alpha_s=self.alpha_s.value,
            beta_s_per_byte=self.beta_s_per_byte.value,
            ring_workers=self.ring_workers,
            correction=self.correction,
        )

    def draws(self, rng: np.random.Generator, count: int) -> Wire:
        """Return draws from the intervals, shape (count, 1); the values where there are none."""
        return replace(
            self.wire,
            alpha_s=_drawn(self.alpha_s, rng, count),
            beta_s_per_byte=_drawn(self.beta_s_per_byte, rng, count),
        )


def stated_link(
    bytes_per_s: float, latency_s: float, all_reduce_workers: int | None = None
) -> LinkValues:
    """Return a link of which the numbers are given.

    Args:
        bytes_per_s: Bus bandwidth.
        latency_s: Of one message; of a small all-reduce, where its workers are given.
        all_reduce_workers: How many took part in that all-reduce, 2 or more.
    """
    hops = 1 if all_reduce_workers is None else 2 * (all_reduce_workers - 1)
    return LinkValues(
        alpha_s=Estimate(latency_s / hops),
        beta_s_per_byte=Estimate(1 / bytes_per_s),
        origin="stated",
        name="",
        ring_workers=all_reduce_workers,
    )


def doubtful_latency(link: LinkValues) -> bool:
    """Tell whether a stated latency is more than any such link needs for one message.

    Several times the latency of the slowest preset with at least half the bandwidth.
    """
    if link.origin != "stated" or link.ring_workers is not None:
        return False
    rate = 1 / link.beta_s_per_byte.value
    known = [x.alpha_s for x in PRESETS.values() if x.bytes_per_s >= rate / 2]
    return link.alpha_s.value > _DOUBTFUL_TIMES * max(known or [_FASTEST_S])


def preset_link(preset: Preset) -> LinkValues:
    """Return the link of a preset."""
    return LinkValues(
        alpha_s=Estimate(preset.alpha_s),
        beta_s_per_byte=Estimate(1 / preset.bytes_per_s),
        origin="preset",
        name=preset.name,
    )


def measured_links(
    study: NetworkStudy, origin: Origin, name: str, bucket_bytes: Sequence[float]
) -> tuple[LinkValues | None, LinkValues | None]:
    """Return the links within a node and between nodes, None where one was not measured.

    Args:
        study: The all-reduces.
        origin: Which ones these are.
        name: Of their sweep.
        bucket_bytes: What the link is to be known for, shape (K,).

    Raises:
        AnalysisError: A link was measured at too few sizes for alpha and beta.
    """
    links = (near(link, bucket_bytes) for link in study.links)
    found = {link.is_inter_node: _values(link, origin, name) for link in links}
    return found.get(False), found.get(True)


def _values(link: Link, origin: Origin, name: str) -> LinkValues:
    if link.ring is None or (link.ring.fixed_s is None and link.ring.s_per_byte is None):
        raise AnalysisError(
            f"The all-reduces of {name} give neither alpha nor beta; measure more sizes with "
            "`ray-bench network`, or state the link with --link and --latency."
        )
    # A parameter that is not above 0 is too small to be seen beside the other.
    return LinkValues(
        alpha_s=link.ring.fixed_s or Estimate(0.0),
        beta_s_per_byte=link.ring.s_per_byte or Estimate(0.0),
        origin=origin,
        name=name,
        worst_residual_frac=link.ring.worst_residual_frac,
        sizes_bytes=_sizes(link),
        ring_workers=link.groups[-1].world_size,
        correction=_correction(link) if origin == "sweep" and link.ring.is_poor else None,
    )


def _correction(link: Link) -> Correction | None:
    """Return what was measured by what alpha and beta say, the mean of the world sizes."""
    ring = link.ring
    assert ring is not None
    alpha, beta = (0.0 if x is None else x.value for x in (ring.fixed_s, ring.s_per_byte))
    wire, found = Wire(alpha_s=alpha, beta_s_per_byte=beta), dict[int, list[float]]()
    for group in link.groups:
        for row in group.rows:
            model_s = float(wire.ring_s(group.world_size, np.array(row.num_bytes, dtype=float)))
            if model_s > 0:
                found.setdefault(row.num_bytes, []).append(math.log(row.time_s.value / model_s))
    if not found:
        return None
    sizes = sorted(found)
    factors = [math.exp(statistics.fmean(found[size])) for size in sizes]
    return Correction(num_bytes=np.array(sizes, dtype=float), factor=np.array(factors))


def _sizes(link: Link) -> tuple[int, int]:
    sizes = [row.num_bytes for group in link.groups for row in group.rows]
    return min(sizes), max(sizes)


def _drawn(value: Estimate, rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw from a normal whose 95 % are the interval, cut off at 0."""
    sd = _sd(value)
    return np.maximum(value.value + sd * rng.standard_normal((count, 1)), 0.0)


def _sd(value: Estimate) -> float:
    # The lower bound may have been cut off at 0, so the upper one tells the width.
    return 0.0 if value.high is None else (value.high - value.value) / 1.96
