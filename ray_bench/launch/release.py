"""Frees a run's placement group when its launch fails after workers came up.

Ray 2.60 forgets the group when a worker dies or cannot unpickle the loop while it starts: the
controller never stores it, and later runs starve until the Ray job ends. Removing a group that Ray
has removed already does nothing.
"""

from __future__ import annotations

import glob
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
        note: A file of `note_of` that outlives a controller that is killed.
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
        if self._note is not None:
            self._note.unlink(missing_ok=True)


def note_of(scratch_dir: str, name: str) -> Path:
    """Return where the trainer of that name notes its group."""
    return Path(scratch_dir, f"{name}.group")


def release_noted(scratch_dir: str, name: str) -> None:
    """Remove the groups of trainers whose names begin so, and that did not live to do it."""
    for note in Path(scratch_dir).glob(f"{glob.escape(name)}*.group"):
        group = PlacementGroupID(bytes.fromhex(note.read_text()))
        remove_placement_group(PlacementGroup(group))
        note.unlink()
