"""A trainer with less of Ray beside the workers, where nobody needs it.

What is private here has no public switch in Ray 2.60; `tests/launch/test_tuned.py` fails where a
later one has moved it.
"""

from __future__ import annotations

import asyncio
from typing import Any, final

import ray
from ray.train.torch import TorchTrainer

from ray_bench.launch.tuned import can_grow
from ray_bench.launch.tuned.controller import FixedCluster, TunedController
from ray_bench.launch.tuned.own_cluster import is_own_cluster
from ray_bench.launch.tuned.plain import CLEANER


@final
class TunedTrainer(TorchTrainer):
    """A trainer without Ray's helpers that it does not need.

    A trial of Tune only waits for its run, so it runs the controller itself: one process less that
    imports Ray and torch before every run, and idles during it. Workloads have their own data, so
    there is no actor for Ray Data's. A cluster without an autoscaler has no nodes to ask for.
    """

    def _create_default_callbacks(self) -> list[Any]:
        # The types are those of Train V1.
        made: list[Any] = super()._create_default_callbacks()  # type: ignore[misc]
        left_out = ("DatasetsCallback", CLEANER)
        return [callback for callback in made if type(callback).__name__ not in left_out]

    def _initialize_and_run_controller(self, **asked: Any) -> Any:
        if is_own_cluster() or not can_grow():
            asked["scaling_policy"] = FixedCluster(asked["scaling_policy"].scaling_config)
        if ray.get_runtime_context().get_actor_id() is None:
            # Ray hands the actor that runs the controller to the workers, so there must be one.
            return super()._initialize_and_run_controller(**asked)  # type: ignore[misc]
        controller = TunedController(**asked)
        asyncio.run(controller.run())  # type: ignore[no-untyped-call]
        return controller.get_result()
