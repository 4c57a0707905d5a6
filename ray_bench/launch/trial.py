"""What a Tune trial does: build a trainer, fit it, and return what came of it."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ray.train import CheckpointConfig, FailureConfig, RunConfig, TrainingFailedError
from ray.train.torch import TorchTrainer

from ray_bench.config.placements import ANYWHERE, Placement
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import PlacementError
from ray_bench.launch import settings
from ray_bench.launch.failures import Failure, describe
from ray_bench.launch.hosts_backend import HostsConfig
from ray_bench.launch.placing import asked_of, scaling_config
from ray_bench.launch.requests import Launch
from ray_bench.launch.scripts.train_fn import imported
from ray_bench.launch.tuned import release_callbacks, release_own_groups, trainer_class
from ray_bench.launch.vacancy import demand_of_launch, wait_for
from ray_bench.launch.watchdog import watching
from ray_bench.launch.worker import import_from, launch_worker
from ray_bench.train.checkpoints import SCORE


def run_launch(launch: Launch) -> Any:
    """Return what the workers of a launch do, or why they did not.

    Where checkpoints are kept, workers that were lost are started again, and go on from the last.
    """
    outcome = _attempt(launch)
    for _ in range(launch.config.checkpoint.restarts if launch.keeps_checkpoints else 0):
        if not (isinstance(outcome, Failure) and outcome.is_loss):
            break
        launch.inbox.say.remote(
            launch.launch_id,
            f"{outcome.message} Run {launch.work.expected[0].planned.run_id} is started again, "
            "from its last checkpoint.",
        )
        outcome = _attempt(launch)
    return outcome


def _attempt(launch: Launch) -> Any:
    """Wait for places and fit one TorchTrainer; return what its workers do, or why they did not."""
    release_own_groups()  # of a launch before this one
    waited_s = _waited(launch)
    if isinstance(waited_s, Failure):
        return waited_s
    launch.inbox.say.remote(launch.launch_id, waited_s)
    with watching(launch) as dog:
        try:
            return _fit(launch, waited_s)
        except (TrainingFailedError, PlacementError) as err:
            return dog.explain(describe(err))
        finally:
            launch.inbox.forget.remote(launch.launch_id)


def _waited(launch: Launch) -> float | Failure:
    def tell(text: str) -> None:
        launch.inbox.say.remote(launch.launch_id, text)

    limit_s = launch.config.launch.wait_s
    return wait_for(demand_of_launch(launch), launch.hosts, limit_s=limit_s, tell=tell)


def _fit(launch: Launch, waited_s: float) -> Any:
    folder, name = _kept_in(launch)
    result: Any = make_trainer(
        launch.config,
        num_workers=launch.work.world_size,
        use_gpu=launch.use_gpu,
        loop=launch_worker,
        loop_config={"launch": launch, "started_at": datetime.now(UTC), "wait_s": waited_s},
        name=name,
        scratch_dir=folder,
        datasets=_datasets(launch),
        asked=asked_of(launch.work.point),
        hosts_config=HostsConfig(
            # Only the workers beside a script talk to each other in it: no GPU memory for that.
            backend=None if launch.config.script is None else "gloo",
            timeout_s=int(launch.config.launch.timeout_s),
            inbox=launch.inbox,
            launch_id=launch.launch_id,
        ),
    ).fit()
    return result.return_value  # metrics would be those of the last checkpoint


def _kept_in(launch: Launch) -> tuple[str, str]:
    """Return where Ray keeps its files of a launch, and its name there.

    Ray goes on from the last checkpoint of a name that it knows. Without checkpoints a name is
    never used twice.
    """
    first = launch.work.expected[0]
    if launch.keeps_checkpoints:
        return f"{launch.config.checkpoint.dir}/{first.sweep_id}", first.planned.run_id
    return launch.scratch_dir, f"{first.planned.run_id}-{uuid.uuid4().hex[:8]}"


def _datasets(launch: Launch) -> dict[str, Any] | None:
    """Return the data sets whose shards somebody's function asks for, by name."""
    target = launch.config.train_fn_datasets
    if target is None:
        return None
    import_from(launch.import_path)
    made: dict[str, Any] = imported(target)()
    return made


def make_trainer(
    config: SweepConfig,
    *,
    num_workers: int,
    use_gpu: bool,
    loop: Callable[[dict[str, Any]], Any],
    loop_config: dict[str, Any],
    name: str,
    scratch_dir: str,
    hosts_config: HostsConfig | None = None,
    asked: Placement = ANYWHERE,
    datasets: dict[str, Any] | None = None,
) -> TorchTrainer:
    """Return the trainer of one run; `num_workers=0` is Ray's local mode, in this process.

    Raises:
        LaunchError: If the installed Ray cannot place the workers as asked.
        PlacementError: If the cluster does not have the nodes.
    """
    return trainer_class(tuned=config.launch.tuned)(
        loop,
        train_loop_config=loop_config,
        datasets=datasets,
        # A new one each time: the trainer changes its backend.
        torch_config=hosts_config or HostsConfig(timeout_s=int(config.launch.timeout_s)),
        scaling_config=scaling_config(config, asked, num_workers=num_workers, use_gpu=use_gpu),
        run_config=RunConfig(  # type: ignore[call-arg]  # declared as in Train V1
            name=name,
            storage_path=scratch_dir,
            callbacks=release_callbacks(),
            worker_runtime_env={"env_vars": worker_env(config)},
            failure_config=_failure_config(),
            checkpoint_config=_checkpoint_config(config),
        ),
    )


def worker_env(config: SweepConfig) -> dict[str, str]:
    """Return what is added to the environment of workers."""
    ours = settings.LOOP_ENV if config.target is None else {}
    return {**settings.WORKER_ENV, **ours, **config.launch.env}


def _checkpoint_config(config: SweepConfig) -> CheckpointConfig:
    """Keep the last checkpoint, as Ray always does, and the best one."""
    if config.checkpoint.dir is None:
        return CheckpointConfig()
    return CheckpointConfig(num_to_keep=1, checkpoint_score_attribute=SCORE)


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
