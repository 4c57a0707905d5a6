"""One run as a Ray Train job: build the trainer, fit it, turn what comes back into records."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
from ray.train.torch import TorchConfig, TorchTrainer

from ray_bench.config.schema import SweepConfig
from ray_bench.launch import settings
from ray_bench.launch.failures import Failure, describe
from ray_bench.launch.quiet import QuietTrainer
from ray_bench.launch.release import ReleasePlacementGroup
from ray_bench.launch.worker import WorkerRequest, train_worker
from ray_bench.records import PlannedRun, RunData, RunRecord
from ray_bench.train.merge import RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """A run as the driver asks for it."""

    planned: PlannedRun
    config: SweepConfig
    sweep_id: str
    attempt: int
    use_gpu: bool
    commit: str | None
    import_path: str
    scratch_dir: str  # where Ray Train keeps its own files of the run

    def run_request(self, started_at: datetime) -> RunRequest:
        """Return what the ranks are asked to run."""
        return RunRequest(
            planned=self.planned,
            config=self.config,
            sweep_id=self.sweep_id,
            attempt=self.attempt,
            started_at_utc=started_at,
            commit=self.commit,
        )

    def failed(self, failure: Failure, started_at: datetime) -> RunData:
        """Return the record of this run, failed."""
        return failed(
            self.planned,
            failure,
            sweep_id=self.sweep_id,
            attempt=self.attempt,
            started_at=started_at,
        )


def run_trial(request: TrialRequest) -> RunData:
    """Fit one TorchTrainer and return its records, those of a failure included."""
    started_at, begin_s = datetime.now(UTC), time.perf_counter()
    run = request.run_request(started_at)
    try:
        data = _fit(request, WorkerRequest(run=run, import_path=request.import_path))
    except TrainingFailedError as err:
        data = request.failed(describe(err), started_at)
    return replace(data, run=replace(data.run, wall_s=time.perf_counter() - begin_s))


def _fit(request: TrialRequest, worker_request: WorkerRequest) -> RunData:
    result: Any = make_trainer(
        request.config,
        num_workers=request.planned.point.world_size,
        use_gpu=request.use_gpu,
        loop=train_worker,
        loop_config={"request": worker_request},
        # Ray resumes a run whose name it knows: a name is never used twice.
        name=f"{request.planned.run_id}-{uuid.uuid4().hex[:8]}",
        scratch_dir=request.scratch_dir,
    ).fit()
    data: RunData = result.return_value  # metrics would be those of the last checkpoint
    return data


def make_trainer(
    config: SweepConfig,
    *,
    num_workers: int,
    use_gpu: bool,
    loop: Callable[[dict[str, Any]], Any],
    loop_config: dict[str, Any],
    name: str,
    scratch_dir: str,
) -> TorchTrainer:
    """Return the trainer of one run; `num_workers=0` is Ray's local mode, in this process."""
    resources = {"CPU": config.cpus_per_worker} | ({"GPU": 1.0} if use_gpu else {})
    return QuietTrainer(
        loop,
        train_loop_config=loop_config,
        # A new TorchConfig each time: the trainer changes its backend.
        torch_config=TorchConfig(timeout_s=int(config.launch.timeout_s)),
        scaling_config=ScalingConfig(
            num_workers=num_workers,
            use_gpu=use_gpu,
            resources_per_worker=resources,
            placement_strategy=config.launch.placement,
        ),
        run_config=RunConfig(  # type: ignore[call-arg]  # declared as in Train V1
            name=name,
            storage_path=scratch_dir,
            callbacks=[ReleasePlacementGroup()],  # type: ignore[list-item]  # the same
            worker_runtime_env={"env_vars": {**settings.WORKER_ENV, **config.launch.env}},
            failure_config=FailureConfig(  # type: ignore[call-arg]  # the same
                max_failures=0,
                # Ray would start a run again as often as its nodes are taken away, and count that
                # as its start-up.
                max_preemption_failures=0,
                controller_failure_limit=settings.START_ATTEMPTS,
            ),
        ),
    )


def failed(
    planned: PlannedRun,
    failure: Failure,
    *,
    sweep_id: str,
    attempt: int,
    started_at: datetime,
) -> RunData:
    """Return the record of a run that failed."""
    return RunData(
        run=RunRecord(
            sweep_id=sweep_id,
            run_id=planned.run_id,
            repeat=planned.repeat,
            order_index=planned.order_index,
            attempt=attempt,
            point=planned.point,
            status="failed",
            started_at_utc=started_at,
            wall_s=0.0,
            error_type=failure.type,
            error_message=failure.message,
            error_rank=failure.rank,
        )
    )
