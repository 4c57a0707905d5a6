"""Frees placement groups that Ray 2.60 leaves behind, so that later runs do not starve.

It forgets the group of a launch that fails after workers came up: the controller never stores it.
It keeps the groups of an actor that was killed until the Ray job ends, and its own cleaner learns
of a group only when all workers are up. Removing a group that Ray has removed already does nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, final

import ray

# Private, and accepted by RunConfig on purpose: there is no public hook at this moment of a launch.
from ray import ActorID, PlacementGroupID
from ray._private import state as ray_state
from ray.core.generated.gcs_pb2 import PlacementGroupTableData  # type: ignore[attr-defined]
from ray.train.v2._internal.execution.callback import ControllerCallback, WorkerGroupCallback
from ray.util.placement_group import PlacementGroup, remove_placement_group

from ray_bench.launch.places import Holder


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
    # Ray calls a creator that was none, the driver, dead as well.
    nobody = (b"", ActorID.nil().binary())
    return [
        _handle(data)
        for data in _table()
        if data.creator_job_id == job_id
        and data.creator_actor_dead
        and data.creator_actor_id not in nobody
    ]


def groups_of(actor_id: str) -> list[PlacementGroup]:
    """Return the placement groups that an actor made and that are there still.

    Raises:
        AttributeError: This Ray does not tell.
    """
    return [_handle(data) for data in _table() if data.creator_actor_id.hex() == actor_id]


def held_by_jobs(wanted: Collection[str]) -> list[Holder]:
    """Return the other jobs, and what their placement groups hold of some resources.

    What tasks and actors hold outside of placement groups, Ray tells nobody without its dashboard.

    Raises:
        AttributeError: This Ray does not tell.
    """
    held: dict[str, Counter[str]] = {}
    for data in _table():
        for bundle in data.bundles:
            # A bundle that has no node yet waits, as we do.
            if bundle.node_id.strip(b"\xff"):
                asked = {k: v for k, v in bundle.unit_resources.items() if k in wanted}
                held.setdefault(data.creator_job_id.hex(), Counter()).update(asked)
    own = ray.get_runtime_context().get_job_id()
    holders = [
        Holder(
            job_id=job["JobID"],
            entrypoint=job.get("Entrypoint", ""),
            held=dict(held.get(job["JobID"], {})),
        )
        for job in ray_state.jobs()  # type: ignore[no-untyped-call]
        if not job["IsDead"] and job["JobID"] != own and not _is_rays_own(job)
    ]
    return sorted(holders, key=lambda holder: not holder.held)


def _is_rays_own(job: dict[str, Any]) -> bool:
    return "dashboard" in job.get("Entrypoint", "")


def _table() -> list[Any]:
    """Return the placement groups that are there; the public table does not say who made one."""
    found = map(PlacementGroupTableData.FromString, _accessor().get_placement_group_table())
    return [data for data in found if data.state != PlacementGroupTableData.REMOVED]


def _handle(data: Any) -> PlacementGroup:
    return PlacementGroup(PlacementGroupID(data.placement_group_id))


def _accessor() -> Any:
    state: Any = ray_state.state
    if hasattr(state, "_connect_and_get_accessor"):
        return state._connect_and_get_accessor()
    state._check_connected()  # Ray 2.51
    return state.global_state_accessor
