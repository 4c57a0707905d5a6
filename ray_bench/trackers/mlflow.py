"""MLflow: one MLflow run a run, at the tracking server or in a database beside the results."""

from __future__ import annotations

import os
from datetime import datetime
from importlib.util import find_spec
from typing import Any, final

from ray_bench.errors import ConfigError
from ray_bench.trackers.entry import Entry
from ray_bench.trackers.tracking import without_password

#: MLflow itself tries a server that is down for minutes.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}

#: As many metrics as a server takes at a time.
_BATCH = 1000


def tracking_uri(folder: str) -> str:
    """Return where MLflow keeps runs: MLFLOW_TRACKING_URI, or else a database in a local folder.

    Raises:
        ConfigError: If neither is possible.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    if find_spec("sqlalchemy") is None or find_spec("alembic") is None:
        raise ConfigError(
            "trackers.mlflow is set, but there is no MLFLOW_TRACKING_URI; set it to your server, "
            "e.g. http://localhost:5000, or install mlflow whole (pip install mlflow), which can "
            "keep runs in a file."
        )
    return f"sqlite:///{folder}/mlflow.db"


@final
class MLflow:
    """Writes a finished MLflow run for each run, with the sweep in the tag `ray_bench.sweep`.

    Args:
        uri: Of the tracking server or database.
        experiment: Its name; made where there is none.
    """

    name, key = "MLflow", "mlflow"

    def __init__(self, uri: str, *, experiment: str) -> None:
        self.place = f"{without_password(uri)}, experiment {experiment!r}"
        self._uri = uri
        self._experiment = experiment
        self._experiment_id: str | None = None
        self._client: Any = None
        self._made: dict[str, str] = {}  # MLflow's id by name, of runs that are not whole yet

    def open(self) -> None:
        """Find the experiment, or make it."""
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=self._uri)
        found = self._client.get_experiment_by_name(self._experiment)
        if found is None:
            self._experiment_id = self._client.create_experiment(self._experiment)
        else:
            self._experiment_id = found.experiment_id

    def log(self, entry: Entry) -> None:
        """Write a run whole; one that was begun before a failure is completed."""
        from mlflow.entities import Metric, Param

        if self._experiment_id is None:
            self.open()
        run_id = self._made.get(entry.name) or self._create(entry)
        params = [Param(name, str(value)) for name, value in entry.parameters.items()]
        ended_ms = _ms(entry.ended_at_utc)
        metrics = [Metric(name, value, ended_ms, 0) for name, value in entry.metrics.items()]
        metrics += [
            Metric(name, value, _ms(epoch.ended_at_utc), epoch.epoch)
            for epoch in entry.epochs
            for name, value in epoch.metrics.items()
        ]
        self._client.log_batch(run_id, params=params)
        for first in range(0, len(metrics), _BATCH):
            self._client.log_batch(run_id, metrics=metrics[first : first + _BATCH])
        status = "FINISHED" if entry.status == "ok" else "FAILED"
        self._client.set_terminated(run_id, status, end_time=ended_ms)
        self._made.pop(entry.name, None)

    def close(self) -> None:
        """A client keeps nothing open."""

    def _create(self, entry: Entry) -> str:
        tags = {"ray_bench.sweep": entry.sweep_id, "ray_bench.run": entry.run_id}
        made = self._client.create_run(
            self._experiment_id,
            run_name=entry.name,
            tags=tags,
            start_time=_ms(entry.started_at_utc),
        )
        self._made[entry.name] = str(made.info.run_id)
        return self._made[entry.name]


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
