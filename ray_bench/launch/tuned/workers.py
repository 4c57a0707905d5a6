"""Workers of Ray Train whose own main threads sleep while they train.

An idle actor's main thread wakes a hundred times a second, on the core where its other thread
trains: 0.7 % of a core each. Without checkpoints the workers report nothing through Ray Train, so
its actor that lets them meet at a report is not needed either. The classes are private in Ray 2.60;
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
#: Between two looks whether a checkpoint was handed over: a worker waits with its next one for it.
LOOK_EVERY_S = 0.2


class PatientWorker(RayTrainWorker):
    """Answers a poll when its training has ended or handed a checkpoint over, or after a while.

    Ray's controller takes a late answer for a worker that still runs, and asks it nothing more
    meanwhile.
    """

    def poll_status(self) -> Any:
        """Return the worker's status, as Ray Train has it."""
        context = get_train_context()
        execution: Any = context.execution_context
        runner, reports = execution.training_thread_runner, execution.result_queue
        step_s = LOOK_EVERY_S if _keeps_checkpoints(context.train_run_context) else POLL_PATIENCE_S
        for _ in range(round(POLL_PATIENCE_S / step_s)):
            if runner.is_running() and reports.empty():
                runner._thread.join(step_s)
        return super().poll_status()


def _keeps_checkpoints(run: Any) -> bool:
    """Whether workers of a run report their checkpoints (`trial.make_trainer`)."""
    keep: int | None = run.run_config.checkpoint_config.num_to_keep
    return keep is not None


@final
class TunedWorkerGroup(WorkerGroup):
    """Patient workers; without checkpoints no actor is beside them: `ray.train.report` fails."""

    _worker_cls = PatientWorker

    def _start_impl(self, worker_group_state_builder: Any) -> None:
        if _keeps_checkpoints(self._train_run_context):
            super()._start_impl(worker_group_state_builder)
            return
        keep = worker_group_state_builder.with_sync_actor

        def keep_none(sync_actor: Any) -> Any:
            ray.kill(sync_actor)  # before it has a process
            return keep(sync_actor)

        worker_group_state_builder.with_sync_actor = keep_none
        super()._start_impl(worker_group_state_builder)
