"""The configuration of a sweep.

A field that is None is not set: the workload's own default is used (`SweepConfig.with_defaults`).
"""

from __future__ import annotations

from ray_bench.config.schema.sweep import SweepConfig

__all__ = ["SweepConfig"]
