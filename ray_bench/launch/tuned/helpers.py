"""A cluster that was started for one sweep: what of Ray's own processes it does without.

Each idle process of Ray wakes a hundred times a second, or reads log files ten times a second: in
all an eighth of a core. Where the workers have all cores, that is a few per cent of a step. What is
private here has no public switch in Ray 2.60; `tests/launch/test_tuned.py` fails where a later one
has moved it.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray._private.node import Node

logger = logging.getLogger(__name__)

#: The discard port, on which nothing listens.
_NOWHERE = b"127.0.0.1:9"
#: The lowest priority; what has it runs when a core is free.
_NICENESS = 19
#: Its children are the workers, and inherit its priority.
_KEEPS_PRIORITY = "raylet"


def _start_nothing(node: Any) -> None:
    del node


def _start_no_dashboard(node: Any, **_: Any) -> None:
    # Ray's agent looks for an address every second, and logs a traceback, until it finds one.
    node.get_gcs_client().internal_kv_put(
        ray_constants.DASHBOARD_ADDRESS.encode(),
        _NOWHERE,
        True,
        ray_constants.KV_NAMESPACE_DASHBOARD,
    )


#: Methods of `Node` that start a process each, and what is called in their place.
_INSTEAD: dict[str, Callable[..., None]] = {
    "start_monitor": _start_nothing,  # the autoscaler
    "start_log_monitor": _start_nothing,
    "start_api_server": _start_no_dashboard,
}

#: The same methods as Ray has them. Where one has moved, this import fails and runs are plain.
_RAYS_OWN = {name: getattr(Node, name) for name in _INSTEAD}


@contextlib.contextmanager
def without_helpers() -> Iterator[None]:
    """Let a cluster start without what nobody needs on it, and without waiting for that.

    Its log monitor would send the workers' output to this process, which does not ask for it, its
    autoscaler has no nodes to add, and without a dashboard that process only counts Ray's users.
    """
    _set(_INSTEAD)
    try:
        yield
    finally:
        _set(_RAYS_OWN)


def _set(methods: Mapping[str, Callable[..., None]]) -> None:
    for name, method in methods.items():
        setattr(Node, name, method)


def let_workers_go_first() -> None:
    """Give the processes of the cluster that this process has started the lowest priority."""
    node: Any = ray._private.worker._global_node
    try:
        for process_type, processes in node.all_processes.items():
            for info in processes:
                if process_type != _KEEPS_PRIORITY and info.process.poll() is None:
                    _give_way(info.process.pid)
    except (AttributeError, OSError) as err:
        logger.info("Ray's own processes keep their priority: %s", err)


def _give_way(pid: int) -> None:
    # On Linux a thread keeps the priority that it began with when its process gets another.
    tasks = Path(f"/proc/{pid}/task")
    threads = [int(task.name) for task in tasks.iterdir()] if tasks.exists() else [pid]
    for thread in threads:
        os.setpriority(os.PRIO_PROCESS, thread, _NICENESS)
