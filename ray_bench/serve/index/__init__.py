"""All sweeps at a glance: what the Sweeps page lists, searches, filters and sorts."""

from __future__ import annotations

from ray_bench.serve.index.asked import Asked
from ray_bench.serve.index.found import Found
from ray_bench.serve.index.rows import SweepRow
from ray_bench.serve.index.sweep_index import SweepIndex

__all__ = ["Asked", "Found", "SweepIndex", "SweepRow"]
