"""Less of Ray beside the workers, where nobody needs it.

Each idle process of Ray wakes a hundred times a second, or reads log files ten times a second: in
all an eighth of a core. Where the workers have all cores, that is a few per cent of a step. What is
private here has no public switch in Ray 2.60. A Ray without it runs as it is: nothing depends on
it, and `tests/launch/test_quiet.py` holds that the tested one has it.
"""

from __future__ import annotations

import logging
import os
from typing import Any, final

import ray
from ray.train.torch import TorchTrainer

logger = logging.getLogger(__name__)

#: The lowest priority; what has it runs when a core is free.
_NICENESS = 19
#: Its children are the workers, and inherit its priority.
_KEEPS_PRIORITY = "raylet"


@final
class QuietTrainer(TorchTrainer):
    """A trainer without the actor that hands out Ray Data's datasets: workloads have their own."""

    def _create_default_callbacks(self) -> list[Any]:
        # The types are those of Train V1.
        made: list[Any] = super()._create_default_callbacks()  # type: ignore[misc]
        return [callback for callback in made if type(callback).__name__ != "DatasetsCallback"]


def quieten_own_cluster() -> None:
    """Quieten the cluster that this process has started, and that is for this sweep alone.

    Its log monitor would send the workers' output to this process, which does not ask for it, and
    its autoscaler has no nodes to add.
    """
    try:
        _quieten(ray._private.worker._global_node)
    except (AttributeError, OSError) as err:
        logger.info("Ray's own processes keep their priority: %s", err)


def _quieten(node: Any) -> None:
    node.kill_log_monitor(check_alive=False)
    node.kill_monitor(check_alive=False)
    for process_type, processes in node.all_processes.items():
        for info in processes:
            if process_type != _KEEPS_PRIORITY and info.process.poll() is None:
                os.setpriority(os.PRIO_PROCESS, info.process.pid, _NICENESS)
