"""The trackers that a configuration asks for, found out before the sweep begins."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from ray_bench.config.groups import TrackersConfig
from ray_bench.errors import MissingExtraError
from ray_bench.trackers.base import Tracker
from ray_bench.trackers.mlflow import MLflow, tracking_uri
from ray_bench.trackers.tensorboard import TensorBoard
from ray_bench.trackers.wandb import WandB, check_login

_PROJECT = "ray_bench"


class Place(Protocol):
    """The results, as far as trackers need them."""

    root: str

    @property
    def local_folder(self) -> Path | None:
        """The root as a folder of this machine; None for an object store."""
        ...

    def write_events(self, sweep_id: str, run_id: str, events: bytes) -> None:
        """Store a run's event file, whole or not at all."""
        ...


def chosen_trackers(config: TrackersConfig, results: Place) -> tuple[Tracker, ...]:
    """Return the trackers; none is reached yet.

    TensorBoard's files go to the results, also in an object store. What MLflow and W&B keep in
    files goes there too, or to the working directory where the results are in an object store.

    Raises:
        MissingExtraError: If a package is not installed; says how to install it.
        ConfigError: If a tracker has nowhere to write to, or would ask for a key.
    """
    folder = str(results.local_folder or Path.cwd())
    found: list[Tracker] = []
    if config.tensorboard:
        found.append(TensorBoard(results.write_events, root=results.root))
    if config.mlflow:
        _check_installed("mlflow")
        experiment = config.project or os.environ.get("MLFLOW_EXPERIMENT_NAME") or _PROJECT
        found.append(MLflow(tracking_uri(folder), experiment=experiment))
    if config.wandb:
        _check_installed("wandb")
        check_login()
        project = config.project or os.environ.get("WANDB_PROJECT") or _PROJECT
        found.append(WandB(project=project, folder=folder))
    return tuple(found)


def _check_installed(package: str) -> None:
    if find_spec(package) is None:
        raise MissingExtraError(
            f"trackers.{package} is set, but the package {package} is not installed; install it "
            f"with: pip install 'ray-bench[{package}]', or leave trackers.{package} out."
        )
