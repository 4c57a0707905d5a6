"""Ray's trainer as it comes, but for the actor that would outlive the sweep on the cluster."""

from __future__ import annotations

from typing import Any

from ray.train.torch import TorchTrainer

#: A detached actor of 200 MB: it stays for good where its run is ended from outside. The driver
#: frees the placement group of a trial that died, and Ray all of them with the driver.
CLEANER = "PlacementGroupCleanerCallback"


class PlainTrainer(TorchTrainer):
    """Ray's trainer; where a Ray has no such actor, this changes nothing."""

    def _create_default_callbacks(self) -> list[Any]:
        # The types are those of Train V1.
        made: list[Any] = super()._create_default_callbacks()  # type: ignore[misc]
        return [callback for callback in made if type(callback).__name__ != CLEANER]
