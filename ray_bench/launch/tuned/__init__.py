"""The door to Ray's private parts: nothing outside of this folder imports them.

With them a run is tuned: less of Ray is started beside the workers, and what is started gives way
to them. A run is plain, Ray as it comes, where the configuration says so, where Ray's version is
not one that the private parts were tested with, or where one of them is missing. Giving places back
and asking an autoscaler work in both, as far as Ray has the parts.

This module itself imports nothing private and no torch.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ray

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.places import Holder
from ray_bench.launch.tuned.groups import own_process_groups
from ray_bench.launch.tuned.own_cluster import is_own_cluster
from ray_bench.records import Trainer

if TYPE_CHECKING:
    from ray.train.torch import TorchTrainer

logger = logging.getLogger(__name__)

#: Versions of Ray whose private parts were tested: `pytest -m cluster tests/launch/test_tuned.py`.
TESTED = ("2.60.0",)

#: Modules here that stand on private parts; torch is none of their imports.
_PARTS = ("controller", "helpers", "workers")


def settled(config: SweepConfig, note: Callable[[str], None]) -> SweepConfig:
    """Return the configuration with `launch.tuned` as it will be.

    Args:
        config: As it was asked for.
        note: Told why runs are plain that were to be tuned; a training of somebody else's is, as
            it would be without us.
    """
    if not config.launch.tuned:
        return config
    if config.target is None:
        reason = why_plain()
        if reason is None:
            return config
        note(f"note: Ray {ray.__version__}: runs take Ray's plain TorchTrainer ({reason}).")
    launch = config.launch.model_copy(update={"tuned": False})
    return config.model_copy(update={"launch": launch})


def why_plain() -> str | None:
    """Return why runs cannot be tuned with the Ray that is installed; None where they can."""
    if ray.__version__ not in TESTED:
        return f"the tuned one was tested with {', '.join(TESTED)} only"
    try:
        for part in _PARTS:
            importlib.import_module(f"{__name__}.{part}")
    except (ImportError, AttributeError) as err:
        return f"a part of the tuned one is missing: {err}"
    return None


def trainer_of(config: SweepConfig) -> Trainer:
    """Return the name of the trainer that a settled configuration takes, for the records."""
    return "tuned" if config.launch.tuned else "plain"


def trainer_class(*, tuned: bool) -> type[TorchTrainer]:
    """Return the trainer of tuned or of plain runs; `settled` has told which."""
    if tuned:
        from ray_bench.launch.tuned.trainer import TunedTrainer

        return TunedTrainer
    from ray.train import Result

    if not hasattr(Result, "return_value"):
        from ray_bench.launch.tuned.returning import ReturningTrainer

        return ReturningTrainer
    from ray_bench.launch.tuned.plain import PlainTrainer

    return PlainTrainer


@contextlib.contextmanager
def starting_cluster() -> Iterator[None]:
    """Let a cluster start in process groups of its own, and for tuned runs with less."""
    if not is_own_cluster():
        with own_process_groups():
            yield
        return
    from ray_bench.launch.tuned.helpers import let_workers_go_first, without_helpers

    with own_process_groups(), without_helpers():
        yield
    let_workers_go_first()


def release_callbacks() -> list[Any]:
    """Return what makes a trainer give its workers' places back however the run ends.

    Nothing where Ray lacks a part. Then the places of a launch that failed come back when Ray gives
    them back, which may be as late as the end of the command.
    """
    try:
        from ray_bench.launch.tuned.release import ReleasePlacementGroup
    except ImportError as err:
        _places_stay_taken(err)
        return []
    return [ReleasePlacementGroup()]


def release_groups_of_the_dead() -> None:
    """Give back the places that a trial held that died, as far as Ray has the parts."""
    try:
        from ray_bench.launch.tuned.release import groups_of_the_dead

        groups = groups_of_the_dead()
    except (ImportError, AttributeError) as err:
        _places_stay_taken(err)
        return
    for group in groups:
        ray.util.remove_placement_group(group)


def release_own_groups() -> None:
    """Give back the places that an earlier launch of this trial left taken."""
    actor_id = ray.get_runtime_context().get_actor_id()
    try:
        from ray_bench.launch.tuned.release import groups_of

        groups = groups_of(actor_id) if actor_id is not None else []
    except (ImportError, AttributeError) as err:
        _places_stay_taken(err)
        return
    for group in groups:
        ray.util.remove_placement_group(group)


def free_by_node() -> Mapping[str, Mapping[str, float]] | None:
    """Return the free resources of every node by its id; None where this Ray does not tell."""
    try:
        # The public function adds all nodes up.
        from ray._private.state import available_resources_per_node

        return available_resources_per_node() or None  # type: ignore[no-untyped-call]
    except (ImportError, AttributeError) as err:
        logger.info("What is free on which node is unknown: %s", err)
        return None


def holders(wanted: Collection[str]) -> list[Holder]:
    """Return the other jobs that hold these resources in placement groups, as far as Ray tells."""
    try:
        from ray_bench.launch.tuned.release import held_by_jobs

        return held_by_jobs(wanted)
    except (ImportError, AttributeError) as err:
        logger.info("Who holds places is unknown: %s", err)
        return []


def can_grow() -> bool:
    """Whether an autoscaler may add hosts to the cluster."""
    return bool(autoscaler_limits())


def _places_stay_taken(err: Exception) -> None:
    logger.warning("Ray %s keeps the places of runs that failed: %s", ray.__version__, err)


def autoscaler_limits() -> Mapping[str, float]:
    """Return what the cluster can grow to by resource; empty where it does not scale itself."""
    try:
        # Ray's own trainer asks the same private function; there is no public one.
        from ray._private import state as ray_state

        return ray_state.state.get_max_resources_from_cluster_config() or {}
    except (ImportError, AttributeError) as err:
        logger.info("What the cluster can grow to is unknown: %s", err)
        return {}
