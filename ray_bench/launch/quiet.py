"""Less of Ray beside the workers, where nobody needs it.

Each idle process of Ray wakes a hundred times a second, or reads log files ten times a second: in
all an eighth of a core. Where the workers have all cores, that is a few per cent of a step. What is
private here has no public switch in Ray 2.60; `tests/launch/test_quiet.py` fails where a later one
has moved it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import ray
from ray.train.torch import TorchTrainer
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy

from ray_bench.launch.quiet_workers import QuietWorkerGroup

logger = logging.getLogger(__name__)

#: The lowest priority; what has it runs when a core is free.
_NICENESS = 19
#: Its children are the workers, and inherit its priority.
_KEEPS_PRIORITY = "raylet"
#: Set for the processes of a cluster that was started for one sweep.
_OWN_CLUSTER = "RAY_BENCH_OWN_CLUSTER"


@final
class QuietTrainer(TorchTrainer):
    """A trainer without Ray's helpers that it does not need.

    A trial of Tune only waits for its run, so it runs the controller itself: one process less that
    imports Ray and torch before every run, and idles during it. Workloads have their own data, so
    there is no actor for Ray Data's. A cluster of the sweep's own has no nodes to ask for, and the
    driver frees the placement group of a trial that died.
    """

    def _create_default_callbacks(self) -> list[Any]:
        # The types are those of Train V1.
        made: list[Any] = super()._create_default_callbacks()  # type: ignore[misc]
        left_out = {"DatasetsCallback"}
        if is_own_cluster():
            left_out.add("PlacementGroupCleanerCallback")
        return [callback for callback in made if type(callback).__name__ not in left_out]

    def _initialize_and_run_controller(self, **asked: Any) -> Any:
        if is_own_cluster():
            asked["scaling_policy"] = _FixedCluster(asked["scaling_policy"].scaling_config)
        if ray.get_runtime_context().get_actor_id() is None:
            # Ray hands the actor that runs the controller to the workers, so there must be one.
            return super()._initialize_and_run_controller(**asked)  # type: ignore[misc]
        controller = _QuietController(**asked)
        asyncio.run(controller.run())  # type: ignore[no-untyped-call]
        return controller.get_result()


class _QuietController(TrainController):
    worker_group_cls = QuietWorkerGroup


class _FixedCluster(FixedScalingPolicy):
    """As many workers as asked for, on a cluster of which no autoscaler needs to know that."""

    def after_controller_start(self, train_run_context: Any) -> None:
        """Start no actor that asks for nodes."""

    def _maybe_send_resource_request(self) -> None:
        pass


def is_own_cluster() -> bool:
    """Whether this process belongs to a cluster that was started for one sweep."""
    return _OWN_CLUSTER in os.environ


@contextlib.contextmanager
def own_cluster() -> Iterator[None]:
    """Say it to this process and to all that it starts meanwhile."""
    os.environ[_OWN_CLUSTER] = "1"
    try:
        yield
    finally:
        del os.environ[_OWN_CLUSTER]


def quieten_own_cluster() -> None:
    """Quieten the cluster that this process has started, and that is for this sweep alone.

    Its log monitor would send the workers' output to this process, which does not ask for it, its
    autoscaler has no nodes to add, and without a dashboard that process only counts Ray's users.
    """
    try:
        _quieten(ray._private.worker._global_node)
    except (AttributeError, OSError) as err:
        logger.info("Ray's own processes keep their priority: %s", err)


def _quieten(node: Any) -> None:
    node.kill_log_monitor(check_alive=False)
    node.kill_monitor(check_alive=False)
    node.kill_dashboard(check_alive=False)
    for process_type, processes in node.all_processes.items():
        for info in processes:
            if process_type != _KEEPS_PRIORITY and info.process.poll() is None:
                _give_way(info.process.pid)


def _give_way(pid: int) -> None:
    # On Linux a thread keeps the priority that it began with when its process gets another.
    tasks = Path(f"/proc/{pid}/task")
    threads = [int(task.name) for task in tasks.iterdir()] if tasks.exists() else [pid]
    for thread in threads:
        os.setpriority(os.PRIO_PROCESS, thread, _NICENESS)
