"""Less of Ray beside the workers, where nobody needs it.

Each idle process of Ray wakes a hundred times a second, or reads log files ten times a second: in
all an eighth of a core. Where the workers have all cores, that is a few per cent of a step. What is
private here has no public switch in Ray 2.60; `tests/launch/test_quiet.py` holds that it is there.
"""

from __future__ import annotations

import os
from typing import Any, final

from ray._private import ray_constants
from ray._private import worker as ray_worker
from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback

#: The lowest priority; what has it runs when a core is free.
_NICENESS = 19
#: Its children are the workers, and inherit its priority.
_KEEPS_PRIORITY = {ray_constants.PROCESS_TYPE_RAYLET}


@final
class QuietTrainer(TorchTrainer):
    """A trainer without the actor that hands out Ray Data's datasets: workloads have their own."""

    def _create_default_callbacks(self) -> list[Any]:
        # The types are those of Train V1.
        made = super()._create_default_callbacks()  # type: ignore[misc]
        return [callback for callback in made if not isinstance(callback, DatasetsCallback)]


def quieten_own_cluster() -> None:
    """Quieten the cluster that this process has started, and that is for this sweep alone.

    Its log monitor would send the workers' output to this process, which does not ask for it, and
    its autoscaler has no nodes to add.
    """
    node: Any = ray_worker._global_node
    node.kill_log_monitor(check_alive=False)
    node.kill_monitor(check_alive=False)
    for process_type, processes in node.all_processes.items():
        if process_type in _KEEPS_PRIORITY:
            continue
        for info in processes:
            if info.process.poll() is None:
                os.setpriority(os.PRIO_PROCESS, info.process.pid, _NICENESS)
