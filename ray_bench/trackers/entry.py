"""What a tracker is told about a run: its parameters, its numbers and its curves by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import geometric_mean
from typing import TypeVar, final

from ray_bench.analysis.groups import INVALID_FLAGS
from ray_bench.analysis.times import total_s
from ray_bench.config import settings
from ray_bench.records import EpochRecord, RunData, RunRecord, Status

Parameter = str | int | float | bool
_V = TypeVar("_V")
_Setting = frozenset[tuple[str, object]]

#: Fields of a run beside its point that say how it was made.
_PARAMETERS = (
    *("sweep_id", "run_id", "repeat", "attempt", "status", "device", "backend", "dataset"),
    *("num_params", "optimizer", "environment_hash", "ladder_id", "launch_id", "trainer"),
    *("error_type", "error_message"),
)

#: Fields of a run that are results.
_METRICS = (
    *("throughput_samples_per_s", "throughput_tokens_per_s", "step_time_s", "wall_s", "setup_s"),
    *("train_s", "eval_s"),
    *("peak_memory_bytes", "energy_j", "gpu_util_frac", "num_epochs", "num_steps"),
    *("final_train_loss", "final_train_accuracy_frac", "final_val_loss"),
    *("final_val_accuracy_frac", "best_val_accuracy_frac", "best_val_epoch"),
)

_BY_EPOCH = (
    *("train_loss", "train_accuracy_frac", "val_loss", "val_accuracy_frac"),
    *("lr", "train_s", "eval_s"),
)

#: Fields of a point in which a run may differ from its baseline, which is one worker without DDP:
#: beside these, those of the settings that mean nothing there.
_NOT_A_SETTING = (
    *("world_size", "is_ddp", "lr_rule", "seed", "base_lr", "lr"),
    *("global_batch_size", "local_batch_size"),
)
#: Each world size has its own, where another field of the point decides it.
_DECIDED = {"accumulate_steps": "max_local_batch_size"}

_S_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEntry:
    """One epoch's numbers, unknown ones left out."""

    epoch: int  # from 1
    ended_at_utc: datetime
    metrics: Mapping[str, float]  # `epoch/...`, the unit at the end of the name


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run as every tracker shows it, unknown values left out."""

    sweep_id: str
    run_id: str
    attempt: int
    world_size: int
    status: Status
    started_at_utc: datetime
    ended_at_utc: datetime
    parameters: Mapping[str, Parameter]
    metrics: Mapping[str, float]  # `run/...`, the unit at the end of the name
    epochs: tuple[EpochEntry, ...]

    @property
    def name(self) -> str:
        """The run's id; later attempts of a run that failed say so."""
        return self.run_id if self.attempt == 1 else f"{self.run_id}-attempt{self.attempt}"


@final
class Entries:
    """Makes entries, and remembers the baseline that efficiency needs.

    Args:
        price_per_worker_hour: Money; None leaves cost out.
        currency: Of the price.
        finished: Runs of an earlier call of the same sweep.
    """

    def __init__(
        self,
        *,
        price_per_worker_hour: float | None = None,
        currency: str = "USD",
        finished: Iterable[RunRecord] = (),
    ) -> None:
        self._price = price_per_worker_hour
        self._currency = currency
        self._baseline: dict[_Setting, list[float]] = {}  # samples/s of one worker
        for run in finished:
            self._remember(run)

    def of(self, data: RunData) -> Entry:
        """Return what trackers are told of a run that has ended."""
        run = data.run
        self._remember(run)
        parameters = asdict(run.point) | {name: getattr(run, name) for name in _PARAMETERS}
        parameters["flags"] = ", ".join(run.flags) or None
        if self._price is not None:
            parameters |= {"price_per_worker_hour": self._price, "currency": self._currency}
        metrics = {name: getattr(run, name) for name in _METRICS}
        metrics |= {"efficiency_frac": self._efficiency(run), "cost": self._cost(run)}
        return Entry(
            sweep_id=run.sweep_id,
            run_id=run.run_id,
            attempt=run.attempt,
            world_size=run.point.world_size,
            status=run.status,
            started_at_utc=run.started_at_utc,
            ended_at_utc=run.started_at_utc + timedelta(seconds=run.wall_s),
            parameters=_known(parameters),
            metrics={f"run/{name}": float(value) for name, value in _known(metrics).items()},
            epochs=_epochs(run, data.epochs),
        )

    def _remember(self, run: RunRecord) -> None:
        is_valid = run.is_finished and not set(run.flags) & set(INVALID_FLAGS)
        if _is_baseline(run) and is_valid and run.throughput_samples_per_s:
            self._baseline.setdefault(_setting(run), []).append(run.throughput_samples_per_s)

    def _efficiency(self, run: RunRecord) -> float | None:
        """Return X_N / (N X_1) against the runs of one worker so far; None before the first."""
        baseline = self._baseline.get(_setting(run))
        if _is_baseline(run) or not baseline or run.throughput_samples_per_s is None:
            return None
        return run.throughput_samples_per_s / (run.point.world_size * geometric_mean(baseline))

    def _cost(self, run: RunRecord) -> float | None:
        """Return the money of training and validation of all workers; start-up is left out."""
        seconds = total_s(run)
        if self._price is None or seconds is None:
            return None
        return run.point.world_size * seconds * self._price / _S_PER_HOUR


def _setting(run: RunRecord) -> _Setting:
    values = asdict(run.point)
    decided = {name for name, by in _DECIDED.items() if values[by] is not None}
    idle = [x for x in settings.SETTINGS if x.needs_ddp or x.needs_several]
    apart = {*_NOT_A_SETTING, *decided, *(name for x in idle for name in x.point_fields)}
    setting = {(name, value) for name, value in values.items() if name not in apart}
    return frozenset(setting | {("trainer", run.trainer or "tuned")})


def _is_baseline(run: RunRecord) -> bool:
    return run.point.world_size == 1 and not run.point.is_ddp


def _epochs(run: RunRecord, epochs: Iterable[EpochRecord]) -> tuple[EpochEntry, ...]:
    entries = []
    ended_at = run.started_at_utc + timedelta(seconds=run.startup_s or 0.0)
    for record in epochs:
        ended_at += timedelta(seconds=record.train_s + (record.eval_s or 0.0))
        values = _known({name: getattr(record, name) for name in _BY_EPOCH})
        metrics = {f"epoch/{name}": float(value) for name, value in values.items()}
        entries.append(EpochEntry(epoch=record.epoch, ended_at_utc=ended_at, metrics=metrics))
    return tuple(entries)


def _known(values: Mapping[str, _V | None]) -> dict[str, _V]:
    return {name: value for name, value in values.items() if value is not None}
