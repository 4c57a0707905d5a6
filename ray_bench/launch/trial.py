"""What a Tune trial does: build a trainer, fit it, and return what came of it."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ray.train import FailureConfig, RunConfig, TrainingFailedError
from ray.train.torch import TorchTrainer

from ray_bench.config.placements import ANYWHERE, Placement
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import PlacementError
from ray_bench.launch import settings
from ray_bench.launch.failures import describe
from ray_bench.launch.hosts_backend import HostsConfig
from ray_bench.launch.placing import asked_of, scaling_config
from ray_bench.launch.requests import Launch
from ray_bench.launch.tuned import release_callbacks, trainer_class
from ray_bench.launch.worker import launch_worker


def run_launch(launch: Launch) -> Any:
    """Fit one TorchTrainer; return what its workers do, or the failure that ended them."""
    try:
        result: Any = _trainer_of(launch).fit()
    except (TrainingFailedError, PlacementError) as err:
        return describe(err)
    return result.return_value  # metrics would be those of the last checkpoint


def _trainer_of(launch: Launch) -> TorchTrainer:
    first = launch.work.expected[0].planned.run_id
    return make_trainer(
        launch.config,
        num_workers=launch.work.world_size,
        use_gpu=launch.use_gpu,
        loop=launch_worker,
        loop_config={"launch": launch, "started_at": datetime.now(UTC)},
        # Ray resumes a run whose name it knows: a name is never used twice.
        name=f"{first}-{uuid.uuid4().hex[:8]}",
        scratch_dir=launch.scratch_dir,
        asked=asked_of(launch.work.point),
    )


def make_trainer(
    config: SweepConfig,
    *,
    num_workers: int,
    use_gpu: bool,
    loop: Callable[[dict[str, Any]], Any],
    loop_config: dict[str, Any],
    name: str,
    scratch_dir: str,
    asked: Placement = ANYWHERE,
) -> TorchTrainer:
    """Return the trainer of one run; `num_workers=0` is Ray's local mode, in this process.

    Raises:
        LaunchError: If the installed Ray cannot place the workers as asked.
        PlacementError: If the cluster does not have the nodes.
    """
    return trainer_class(tuned=config.launch.tuned)(
        loop,
        train_loop_config=loop_config,
        # A new one each time: the trainer changes its backend.
        torch_config=HostsConfig(timeout_s=int(config.launch.timeout_s)),
        scaling_config=scaling_config(config, asked, num_workers=num_workers, use_gpu=use_gpu),
        run_config=RunConfig(  # type: ignore[call-arg]  # declared as in Train V1
            name=name,
            storage_path=scratch_dir,
            callbacks=release_callbacks(),
            worker_runtime_env={"env_vars": {**settings.WORKER_ENV, **config.launch.env}},
            failure_config=_failure_config(),
        ),
    )


def _failure_config() -> FailureConfig:
    asked = {
        "max_failures": 0,
        # Ray would start a run again as often as its nodes are taken away, and count that as its
        # start-up.
        "max_preemption_failures": 0,
        "controller_failure_limit": settings.START_ATTEMPTS,
    }
    known = inspect.signature(FailureConfig).parameters  # older Rays have fewer
    return FailureConfig(**{name: asked[name] for name in asked if name in known})  # type: ignore[arg-type]
