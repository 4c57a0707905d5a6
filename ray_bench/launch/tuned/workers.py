"""Workers of Ray Train whose own main threads sleep while they train.

An idle actor's main thread wakes a hundred times a second, on the core where its other thread
trains: 0.7 % of a core each. The workers here report nothing through Ray Train, so its actor that
lets them meet at a report is not needed either. The classes are private in Ray 2.60;
`tests/launch/test_tuned.py` fails where a later one has changed them.
"""

from __future__ import annotations

from typing import Any, final

import ray
from ray.train.v2._internal.execution.context import get_train_context
from ray.train.v2._internal.execution.worker_group import RayTrainWorker, WorkerGroup

#: How long a poll waits for the end of training. Whatever else a worker's main thread is asked to
#: do waits as long, such as letting go when another worker has failed.
POLL_PATIENCE_S = 2.0


class PatientWorker(RayTrainWorker):
    """Answers a poll when its training has ended, or after a while.

    Ray's controller takes a late answer for a worker that still runs, and asks it nothing more
    meanwhile.
    """

    def poll_status(self) -> Any:
        """Return the worker's status, as Ray Train has it."""
        runner = get_train_context().execution_context.training_thread_runner
        if runner.is_running():
            runner._thread.join(POLL_PATIENCE_S)  # type: ignore[union-attr]  # it runs
        return super().poll_status()


@final
class TunedWorkerGroup(WorkerGroup):
    """Patient workers, and no actor beside them: `ray.train.report` fails in them."""

    _worker_cls = PatientWorker

    def _start_impl(self, worker_group_state_builder: Any) -> None:
        keep = worker_group_state_builder.with_sync_actor

        def keep_none(sync_actor: Any) -> Any:
            ray.kill(sync_actor)  # before it has a process
            return keep(sync_actor)

        worker_group_state_builder.with_sync_actor = keep_none
        super()._start_impl(worker_group_state_builder)
