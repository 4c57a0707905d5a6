"""What a Tune trial does: build a trainer, fit it, and return what came of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
from ray.train.torch import TorchTrainer

from ray_bench.config.schema import SweepConfig
from ray_bench.launch import settings
from ray_bench.launch.failures import describe
from ray_bench.launch.hosts_backend import HostsConfig
from ray_bench.launch.quiet import QuietTrainer
from ray_bench.launch.release import ReleasePlacementGroup
from ray_bench.launch.requests import LadderTrial, SharedTrial, TrialRequest
from ray_bench.launch.worker import WorkerRequest, ladder_worker, shared_worker, train_worker
from ray_bench.records import RunData


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


def run_shared_trial(trial: SharedTrial) -> dict[str, Any]:
    """Fit one TorchTrainer for all runs of a trial; return what ended it."""
    first = trial.requests[0]
    started_at = datetime.now(UTC)
    trainer = make_trainer(
        first.config,
        num_workers=first.planned.point.world_size,
        use_gpu=first.use_gpu,
        loop=shared_worker,
        loop_config={"trial": trial, "started_at": started_at},
        name=f"shared-{trial.launch_id}-{uuid.uuid4().hex[:8]}",
        scratch_dir=first.scratch_dir,
    )
    try:
        trainer.fit()
    except TrainingFailedError as err:
        return {"outcome": describe(err)}
    return {"outcome": "done"}  # Tune would print a trial that returns nothing


def run_ladder_trial(trial: LadderTrial) -> dict[str, Any]:
    """Fit one TorchTrainer for all ladders; return what ended it, or why each ladder stopped."""
    trainer = make_trainer(
        trial.ladders[0].config,
        num_workers=trial.world_size,
        use_gpu=trial.use_gpu,
        loop=ladder_worker,
        loop_config={"request": trial},
        name=f"ladder-{uuid.uuid4().hex[:8]}",
        scratch_dir=trial.scratch_dir,
    )
    try:
        result: Any = trainer.fit()
    except TrainingFailedError as err:
        return {"outcome": describe(err)}
    return {"outcome": result.return_value}


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
        # A new one each time: the trainer changes its backend.
        torch_config=HostsConfig(timeout_s=int(config.launch.timeout_s)),
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
