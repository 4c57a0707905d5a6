"""A sweep: the planned runs as Tune trials, one after the other, each reported as it ends."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, final

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.failures import Failure
from ray_bench.launch.gauges import exported
from ray_bench.launch.inbox import open_inbox
from ray_bench.launch.network import measure_first
from ray_bench.launch.requests import TrialRequest
from ray_bench.launch.session import session
from ray_bench.launch.shared import SharedReporter, shared_trials
from ray_bench.launch.tuned import release_groups_of_the_dead, settled
from ray_bench.launch.tuning import Reporter, SweepListener, fit
from ray_bench.measure.commit import git_commit
from ray_bench.records import PlannedRun


def run_sweep(
    config: SweepConfig,
    planned: Sequence[PlannedRun],
    *,
    sweep_id: str,
    attempts: Mapping[str, int],
    address: str | None,
    listener: SweepListener,
    more: Callable[[], Sequence[PlannedRun]] | None = None,
) -> None:
    """Run every planned run in order and tell the listener of each.

    Args:
        config: The configuration with its defaults filled in.
        planned: The runs, in the order in which they are to start.
        sweep_id: For the records.
        attempts: The number of the attempt by run id, from 1.
        address: A Ray cluster; None for RAY_ADDRESS, or else a local one that ends with the sweep.
        listener: Told of starts and ends; what it raises ends the sweep.
        more: Asked for further runs each time all have ended, until it gives none.

    Raises:
        LaunchError: If the cluster cannot be reached.
        ClusterCapacityError: If it can never give the largest run its workers.
        KeyboardInterrupt: On Ctrl-C or SIGTERM, after what was running has been stopped.
    """
    config = settled(config, listener.note)
    with (
        session(config, address, listener) as (use_gpu, scratch),
        exported(listener, wanted=config.trackers.prometheus) as listener,
    ):
        measure_first(config, sweep_id, use_gpu=use_gpu, scratch_dir=scratch, listener=listener)
        folders = (os.path.join(scratch, str(number)) for number in itertools.count())
        for batch in _batches(planned, more):
            requests = [
                TrialRequest(
                    planned=run,
                    config=config,
                    sweep_id=sweep_id,
                    attempt=attempts.get(run.run_id, 1),
                    use_gpu=use_gpu,
                    commit=git_commit(),
                    import_path=os.getcwd(),
                    scratch_dir=scratch,
                )
                for run in batch
            ]
            run_batch = _run_sharing if config.launch.share_workers else _run
            run_batch(requests, listener, folders)


def _run(requests: Sequence[TrialRequest], listener: SweepListener, folders: Iterator[str]) -> None:
    fit(
        _trial,
        requests,
        _Reporter(listener, num_trials=len(requests)),
        max_concurrent=requests[0].config.launch.max_concurrent,
        storage_path=next(folders),
    )


def _run_sharing(
    requests: Sequence[TrialRequest], listener: SweepListener, folders: Iterator[str]
) -> None:
    inbox = open_inbox()
    while requests:
        trials = shared_trials(requests, inbox)
        reporter = SharedReporter(listener, trials)
        try:
            fit(
                _shared_trial,
                trials,
                reporter,
                max_concurrent=requests[0].config.launch.max_concurrent,
                storage_path=next(folders),
            )
        except KeyboardInterrupt:
            reporter.take_finished()
            raise
        requests = reporter.left


def _batches(
    planned: Sequence[PlannedRun], more: Callable[[], Sequence[PlannedRun]] | None
) -> Iterator[Sequence[PlannedRun]]:
    batch = planned
    while batch:
        yield batch
        batch = more() if more is not None else ()


def _trial(config: dict[str, Any]) -> dict[str, Any]:
    from ray_bench.launch.trial import run_trial  # torch, in the trial's process alone

    return {"data": run_trial(config["request"])}


def _shared_trial(config: dict[str, Any]) -> dict[str, Any]:
    from ray_bench.launch.trial import run_shared_trial  # the same

    return run_shared_trial(config["request"])


@final
class _Reporter(Reporter):
    """A trial is a run."""

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        del iteration, trials, info
        with self.keeping_error():
            self.listener.run_started(trial.config["request"].planned)

    def trial_ended(self, trial: Any) -> None:
        """Hand over the run's records."""
        self.listener.run_finished(trial.last_result["data"])

    def trial_broke(self, trial: Any, failure: Failure) -> None:
        """Hand over the record of a run that Tune lost, and its resources to the next."""
        request: TrialRequest = trial.config["request"]
        release_groups_of_the_dead()
        self.listener.run_finished(request.failed(failure, datetime.now(UTC)))
