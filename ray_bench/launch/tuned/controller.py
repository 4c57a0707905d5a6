"""The controller of a tuned run, and how it gets its workers on a cluster of the sweep's own."""

from __future__ import annotations

from typing import Any

from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy

from ray_bench.launch.tuned.workers import TunedWorkerGroup


class TunedController(TrainController):
    """Ray Train's controller with workers that sleep while they train."""

    worker_group_cls = TunedWorkerGroup


class FixedCluster(FixedScalingPolicy):
    """As many workers as asked for, on a cluster of which no autoscaler needs to know that."""

    def after_controller_start(self, train_run_context: Any) -> None:
        """Start no actor that asks for nodes."""

    def _maybe_send_resource_request(self) -> None:
        pass
