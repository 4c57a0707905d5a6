"""Ray Train's own checkpoints as the place where a run's are kept.

Ray copies the files of all ranks into one folder of the run, on disk or in an object store, keeps
the last and the best one (`trial.checkpoint_config`), and gives the last one to workers that are
started in the place of lost ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import final

from ray import train
from ray.train import Checkpoint


@final
class RayVault:
    """Of the run that this worker's trainer makes."""

    def put(self, folder: Path, facts: Mapping[str, float]) -> None:
        """Hand this rank's files to Ray; returns when they are copied."""
        train.report(dict(facts), checkpoint=Checkpoint.from_directory(folder))

    @contextlib.contextmanager
    def last(self) -> Iterator[Path | None]:
        """Return a folder with the files of all ranks, None before the first checkpoint."""
        found = train.get_checkpoint()
        if found is None:
            yield None
            return
        with found.as_directory() as folder:
            yield Path(folder)
