"""The groups of a sweep's configuration. Every field says what it means and in which unit."""

from __future__ import annotations

from ray_bench.config.groups.data import DataConfig
from ray_bench.config.groups.ddp import DdpConfig
from ray_bench.config.groups.emulated import EmulatedConfig
from ray_bench.config.groups.epochs import CheckpointConfig, EvaluationConfig
from ray_bench.config.groups.launch import LaunchConfig
from ray_bench.config.groups.measure import MeasureConfig
from ray_bench.config.groups.metrics import MetricsConfig
from ray_bench.config.groups.stop import LadderConfig, StopConfig
from ray_bench.config.groups.trackers import TrackersConfig
from ray_bench.config.groups.workload import WorkloadDefaults

__all__ = [
    "CheckpointConfig",
    "DataConfig",
    "DdpConfig",
    "EmulatedConfig",
    "EvaluationConfig",
    "LadderConfig",
    "LaunchConfig",
    "MeasureConfig",
    "MetricsConfig",
    "StopConfig",
    "TrackersConfig",
    "WorkloadDefaults",
]
