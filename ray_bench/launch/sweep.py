"""A sweep: the planned runs as Tune trials, one after the other, each reported as it ends."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, final

from ray_bench.launch import settings

settings.apply_defaults()

from ray import tune  # noqa: E402  # Ray reads its environment when it is imported

from ray_bench.config.schema import SweepConfig  # noqa: E402
from ray_bench.errors import LaunchError  # noqa: E402
from ray_bench.launch.cluster import choose_gpu, connected  # noqa: E402
from ray_bench.launch.failures import describe  # noqa: E402
from ray_bench.launch.interrupt import end_sweep, ending_gently  # noqa: E402
from ray_bench.launch.trial import TrialRequest, failed, run_trial  # noqa: E402
from ray_bench.measure.environment import git_commit  # noqa: E402
from ray_bench.records import PlannedRun, RunData  # noqa: E402

#: A trial only waits for its trainer. It must not take a CPU that a worker needs, and Tune refuses
#: a request of nothing at all.
DRIVER_RESOURCES: dict[str, float] = {"memory": 64 * 2**20}


class SweepListener(Protocol):
    """Who wants to know what happens, in the process that called `run_sweep`."""

    def run_started(self, planned: PlannedRun) -> None:
        """Called when a run is handed to the cluster."""
        ...

    def run_finished(self, data: RunData) -> None:
        """Called when a run has ended, failed or not."""
        ...

    def stopping(self) -> None:
        """Called when a signal asks the sweep to end, which takes some seconds."""
        ...


def run_sweep(
    config: SweepConfig,
    planned: Sequence[PlannedRun],
    *,
    sweep_id: str,
    attempts: Mapping[str, int],
    address: str | None,
    listener: SweepListener,
) -> None:
    """Run every planned run in order and tell the listener of each.

    Args:
        config: The configuration with its defaults filled in.
        planned: The runs, in the order in which they are to start.
        sweep_id: For the records.
        attempts: The number of the attempt by run id, from 1.
        address: A Ray cluster; None for RAY_ADDRESS, or else a local one that ends with the sweep.
        listener: Told of starts and ends; what it raises ends the sweep.

    Raises:
        LaunchError: If the cluster cannot be reached.
        ClusterCapacityError: If it can never give the largest run its workers.
        KeyboardInterrupt: On Ctrl-C or SIGTERM, after what was running has been stopped.
    """
    with (
        connected(address) as have,
        ending_gently(listener.stopping),
        tempfile.TemporaryDirectory(prefix="ray_bench-") as scratch,
    ):
        use_gpu = choose_gpu(config, have)
        requests = {
            run.run_id: TrialRequest(
                planned=run,
                config=config,
                sweep_id=sweep_id,
                attempt=attempts.get(run.run_id, 1),
                use_gpu=use_gpu,
                commit=git_commit(),
                import_path=os.getcwd(),
                scratch_dir=scratch,
            )
            for run in planned
        }
        _fit(requests, config, scratch, listener)


def _fit(
    requests: Mapping[str, TrialRequest],
    config: SweepConfig,
    scratch: str,
    listener: SweepListener,
) -> None:
    reporter = _Reporter(listener)
    tuner = tune.Tuner(
        tune.with_resources(_trial, DRIVER_RESOURCES),
        param_space={"request": tune.grid_search(list(requests.values()))},
        tune_config=tune.TuneConfig(
            max_concurrent_trials=config.launch.max_concurrent,
            reuse_actors=True,  # a new process would import torch and Ray again for every run
        ),
        run_config=tune.RunConfig(
            name="sweep", storage_path=scratch, callbacks=[reporter], verbose=0
        ),
    )
    try:
        tuner.fit()
    except tune.TuneError as err:
        raise LaunchError(f"Ray Tune could not go on: {_last_line(err)}.") from err
    except KeyboardInterrupt:
        if reporter.error is None:
            raise
    if reporter.error is not None:
        raise reporter.error
    if reporter.num_finished < len(requests):
        raise KeyboardInterrupt  # Tune swallows the signal and returns what it has


def _last_line(err: BaseException) -> str:
    root = err
    while root.__cause__ is not None:
        root = root.__cause__
    lines = str(root).strip().splitlines()
    return lines[-1].rstrip(".") if lines else type(root).__name__


def _trial(config: dict[str, Any]) -> dict[str, Any]:
    return {"data": run_trial(config["request"])}


@final
class _Reporter(tune.Callback):
    """Turns Tune's callbacks, which run in the driver, into the listener's."""

    def __init__(self, listener: SweepListener) -> None:
        self._listener = listener
        self.num_finished = 0
        self.error: Exception | None = None  # the first that the listener raised

    def __reduce__(self) -> tuple[Any, ...]:
        # Tune pickles its callbacks to restore a sweep later. Nothing here restores one, and a
        # listener may hold what cannot be pickled: the lock of a terminal.
        return tune.Callback, ()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        del iteration, trials, info
        with self._keeping_error():
            self._listener.run_started(trial.config["request"].planned)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        del iteration, trials, info
        self._finish(trial.last_result["data"])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        del iteration, trials, info
        error = trial.get_error() or LaunchError("Tune lost the run without an error.")
        self._finish(failed(trial.config["request"], describe(error), datetime.now(UTC)))

    def _finish(self, data: RunData) -> None:
        self.num_finished += 1
        with self._keeping_error():
            self._listener.run_finished(data)

    @contextlib.contextmanager
    def _keeping_error(self) -> Iterator[None]:
        # Tune would print what is raised here with its traceback, and start the next run.
        try:
            yield
        except Exception as err:  # noqa: BLE001  # `_fit` raises it again
            self.error = self.error or err
            end_sweep()
