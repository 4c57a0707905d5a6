"""Frees a run's placement group when its launch fails after workers came up.

Ray 2.60 forgets the group when a worker dies or cannot unpickle the loop while it starts: the
controller never stores it, and later runs starve until the Ray job ends. Removing a group that Ray
has removed already does nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

# Private, and accepted by RunConfig on purpose: there is no public hook at this moment of a launch.
from ray import PlacementGroupID
from ray.train.v2._internal.execution.callback import ControllerCallback, WorkerGroupCallback
from ray.util.placement_group import PlacementGroup, remove_placement_group


@final
class ReleasePlacementGroup(ControllerCallback, WorkerGroupCallback):
    """Remembers the placement group of a worker group and removes it at the end of the run.

    Args:
        note: A file, on the controller's host, that outlives a controller that is killed.
    """

    def __init__(self, note: Path | None = None) -> None:
        self._note = note
        self._group: PlacementGroup | None = None

    def after_worker_group_start(self, worker_group: Any) -> None:
        """Remember the group; Ray calls this when the workers are up."""
        state = worker_group.get_worker_group_state()
        self._group = state.placement_group_handle.placement_group
        if self._note is not None:
            self._note.write_text(self._group.id.hex())

    async def before_controller_shutdown(self) -> None:
        """Remove the group; Ray calls this however the run ended."""
        if self._group is not None:
            remove_placement_group(self._group)

    def release_noted(self) -> None:
        """Remove the group that a controller on this host noted before it was killed."""
        if self._note is not None and self._note.exists():
            group = PlacementGroupID(bytes.fromhex(self._note.read_text()))
            remove_placement_group(PlacementGroup(group))
