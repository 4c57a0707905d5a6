"""Frees placement groups that Ray 2.60 leaves behind, so that later runs do not starve.

It forgets the group of a launch that fails after workers came up: the controller never stores it.
It keeps the groups of an actor that was killed until the Ray job ends, and its own cleaner learns
of a group only when all workers are up. Removing a group that Ray has removed already does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import ray

# Private, and accepted by RunConfig on purpose: there is no public hook at this moment of a launch.
from ray import ActorID, PlacementGroupID
from ray._private import state as ray_state
from ray.core.generated.gcs_pb2 import PlacementGroupTableData  # type: ignore[attr-defined]
from ray.train.v2._internal.execution.callback import ControllerCallback, WorkerGroupCallback
from ray.util.placement_group import PlacementGroup, remove_placement_group


@final
class ReleasePlacementGroup(ControllerCallback, WorkerGroupCallback):
    """Remembers the placement group of a worker group and removes it at the end of the run."""

    def __init__(self) -> None:
        self._group: PlacementGroup | None = None

    def after_worker_group_start(self, worker_group: Any) -> None:
        """Remember the group; Ray calls this when the workers are up."""
        state = worker_group.get_worker_group_state()
        # Older Rays keep the group itself.
        self._group = getattr(state, "placement_group_handle", state).placement_group

    def before_controller_shutdown(self) -> _Done:  # type: ignore[override]
        """Remove the group; Ray calls this however the run ended."""
        if self._group is not None:
            remove_placement_group(self._group)
        return _Done()


class _Done:
    """What a call returns that Ray awaits; older Rays do not."""

    def __await__(self) -> Iterator[None]:
        return iter(())


def groups_of_the_dead() -> list[PlacementGroup]:
    """Return the placement groups of this job that an actor made and that outlived it.

    Raises:
        AttributeError: This Ray does not tell.
    """
    job_id = ray.get_runtime_context().job_id.binary()
    found = []
    for data in _accessor().get_placement_group_table():
        # The public table does not say who made a group.
        group = PlacementGroupTableData.FromString(data)
        # Ray calls a creator that was none, the driver, dead as well.
        has_creator = group.creator_actor_id not in (b"", ActorID.nil().binary())
        if has_creator and group.creator_actor_dead and group.creator_job_id == job_id:
            found.append(PlacementGroup(PlacementGroupID(group.placement_group_id)))
    return found


def _accessor() -> Any:
    state: Any = ray_state.state
    if hasattr(state, "_connect_and_get_accessor"):
        return state._connect_and_get_accessor()
    state._check_connected()  # Ray 2.51
    return state.global_state_accessor
