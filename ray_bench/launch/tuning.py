"""Trials with Ray Tune: how they are fitted, and how their callbacks reach a listener."""

from __future__ import annotations

import contextlib
import pickle
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, final

from ray import tune

from ray_bench.errors import LaunchError
from ray_bench.launch.failures import Failure, describe
from ray_bench.launch.interrupt import end_sweep
from ray_bench.records import NetworkRecord, PlannedRun, RunData

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

    def network_measured(self, records: Sequence[NetworkRecord]) -> None:
        """Called before the first run, when all-reduce was asked for and measured."""
        ...

    def network_failed(self, reason: str) -> None:
        """Called instead when it could not be measured; the sweep goes on without it."""
        ...

    def note(self, text: str) -> None:
        """Called with a sentence for the user."""
        ...

    def stopping(self) -> None:
        """Called when a signal asks the sweep to end, which takes some seconds."""
        ...


class Reporter(tune.Callback):
    """Turns Tune's callbacks, which run in the driver, into the listener's; abstract.

    Args:
        listener: What it raises ends the sweep.
        num_trials: How many must end; with fewer the sweep was interrupted.
    """

    def __init__(self, listener: SweepListener, *, num_trials: int) -> None:
        self.listener = listener
        self.num_trials = num_trials
        self.num_finished = 0
        self.error: Exception | None = None  # the first that the listener raised

    def __reduce__(self) -> tuple[Any, ...]:
        # Tune pickles its callbacks to restore a sweep later. Nothing here restores one, and a
        # listener may hold what cannot be pickled: the lock of a terminal.
        return tune.Callback, ()

    @abstractmethod
    def trial_ended(self, trial: Any) -> None:
        """Hand over what a trial returned."""

    @abstractmethod
    def trial_broke(self, trial: Any, failure: Failure) -> None:
        """Hand over that a trial ended without returning anything."""

    @final
    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this."""
        del iteration, trials, info
        self.num_finished += 1
        with self.keeping_error():
            self.trial_ended(trial)

    @final
    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this."""
        del iteration, trials, info
        self.num_finished += 1
        with self.keeping_error():
            self.trial_broke(trial, describe(_error_of(trial)))

    @contextlib.contextmanager
    def keeping_error(self) -> Iterator[None]:
        """Keep an error for `fit`: Tune would print it with its traceback, and go on."""
        try:
            yield
        except Exception as err:  # noqa: BLE001  # `fit` raises it again
            self.error = self.error or err
            end_sweep()


def fit(
    trial: Callable[[dict[str, Any]], Any],
    requests: Sequence[Any],
    reporter: Reporter,
    *,
    max_concurrent: int,
    storage_path: str,
) -> None:
    """Run a trial for each request, which it finds in `config["request"]`, in their order.

    Raises:
        LaunchError: If Tune itself cannot go on.
        KeyboardInterrupt: If not all trials ended.
        Exception: What the listener raised.
    """
    tuner = tune.Tuner(
        tune.with_resources(trial, DRIVER_RESOURCES),
        param_space={"request": tune.grid_search(list(requests))},
        tune_config=tune.TuneConfig(
            max_concurrent_trials=max_concurrent,
            reuse_actors=True,  # a new process would import torch and Ray again for every run
        ),
        run_config=tune.RunConfig(
            name="sweep", storage_path=storage_path, callbacks=[reporter], verbose=0
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
    if reporter.num_finished < reporter.num_trials:
        raise KeyboardInterrupt  # Tune swallows the signal and returns what it has


def _error_of(trial: Any) -> BaseException:
    # `trial.get_error` looks where the file comes later.
    if trial.pickled_error_file is None:
        return LaunchError("Tune lost the run without an error.")
    error: BaseException = pickle.loads(Path(trial.pickled_error_file).read_bytes())
    return error


def _last_line(err: BaseException) -> str:
    root = err
    while root.__cause__ is not None:
        root = root.__cause__
    lines = str(root).strip().splitlines()
    return lines[-1].rstrip(".") if lines else type(root).__name__
