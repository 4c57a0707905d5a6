"""Where the numbers of a link come from: measured, stated, or a preset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.network import Link, NetworkStudy, near
from ray_bench.analysis.replay.cost import Wire
from ray_bench.analysis.replay.presets import Preset
from ray_bench.errors import AnalysisError

#: sweep: of all-reduces. buckets: of the gradients of sampled steps.
Origin = Literal["sweep", "buckets", "stated", "preset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkValues:
    """Alpha and beta with what is known of them; only measured ones have intervals."""

    alpha_s: Estimate
    beta_s_per_byte: Estimate
    origin: Origin
    name: str  # of the preset, or the id of the sweep; empty if stated
    worst_residual_frac: float | None = None  # of the fit, where it was measured
    sizes_bytes: tuple[int, int] | None = None  # smallest and largest buffer of that fit

    @property
    def is_measured(self) -> bool:
        """Whether it was measured, and not assumed."""
        return self.origin in ("sweep", "buckets")

    @property
    def wire(self) -> Wire:
        """The values themselves."""
        return Wire(alpha_s=self.alpha_s.value, beta_s_per_byte=self.beta_s_per_byte.value)

    def draws(self, rng: np.random.Generator, count: int) -> Wire:
        """Return draws from the intervals, shape (count, 1); the values where there are none."""
        return Wire(
            alpha_s=_drawn(self.alpha_s, rng, count),
            beta_s_per_byte=_drawn(self.beta_s_per_byte, rng, count),
        )


def stated_link(bytes_per_s: float, latency_s: float) -> LinkValues:
    """Return a link of which the numbers are given."""
    return LinkValues(
        alpha_s=Estimate(latency_s),
        beta_s_per_byte=Estimate(1 / bytes_per_s),
        origin="stated",
        name="",
    )


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
    )


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
