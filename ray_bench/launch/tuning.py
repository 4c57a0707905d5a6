"""Launches as trials of Ray Tune, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ray import tune

from ray_bench.errors import LaunchError
from ray_bench.launch.listener import SweepListener
from ray_bench.launch.reporter import Ended, Reporter
from ray_bench.launch.requests import ExpectedRun, Launch

#: A trial only waits for its trainer. It must not take a CPU that a worker needs, and Tune refuses
#: a request of nothing at all.
DRIVER_RESOURCES: dict[str, float] = {"memory": 64 * 2**20}


def make(
    launches: Sequence[Launch],
    listener: SweepListener,
    *,
    storage_path: str,
    ended: Ended = lambda _: None,
) -> list[ExpectedRun]:
    """Make launches, and tell the listener of every run; return the runs that did not begin.

    Args:
        launches: In their order. The first says how many run at a time.
        listener: Told of starts and ends; what it raises ends the sweep.
        storage_path: For Tune's own files; one for each call.
        ended: Told what each launch returned that ended well.

    Raises:
        LaunchError: If Tune itself cannot go on.
        KeyboardInterrupt: If not all launches ended; the listener has what was finished.
        Exception: What the listener raised.
    """
    reporter = Reporter(listener, launches, ended)
    try:
        fit(launches, reporter, storage_path=storage_path)
    except KeyboardInterrupt:
        reporter.take_finished()
        raise
    return reporter.left


def fit(launches: Sequence[Launch], reporter: Reporter, *, storage_path: str) -> None:
    """Run a trial for each launch; see `make`."""
    tuner = tune.Tuner(
        tune.with_resources(_trial, DRIVER_RESOURCES),
        param_space={"launch": tune.grid_search(list(launches))},
        tune_config=tune.TuneConfig(
            max_concurrent_trials=launches[0].config.launch.max_concurrent,
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
    if reporter.num_finished < reporter.num_launches:
        raise KeyboardInterrupt  # Tune swallows the signal and returns what it has


def _trial(config: dict[str, Any]) -> dict[str, Any]:
    from ray_bench.launch.trial import run_launch  # torch, in the trial's process alone

    # A result that is new is told by Tune's reporter, which is silent; one without any value would
    # be printed to stdout as the last one.
    return {"outcome": run_launch(config["launch"]), "has_ended": True}


def _last_line(err: BaseException) -> str:
    root = err
    while root.__cause__ is not None:
        root = root.__cause__
    lines = str(root).strip().splitlines()
    return lines[-1].rstrip(".") if lines else type(root).__name__
