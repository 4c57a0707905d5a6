"""Ray's own walk through a working directory, and the most that it uploads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ray._private.runtime_env import packaging


def walk(folder: Path, excludes: Sequence[str], visit: Callable[[Path], None]) -> None:
    """Visit what Ray would upload: all but what .gitignore, .rayignore and `excludes` name."""
    ignored: list[Callable[..., bool]] = [packaging._get_excludes(folder, list(excludes))]
    packaging._dir_travel(
        folder,
        ignored,
        visit,
        include_gitignore=os.environ.get("RAY_RUNTIME_ENV_IGNORE_GITIGNORE", "0") != "1",
    )


def limit_bytes() -> int:
    """Return how much Ray takes as one package: 512 MiB, unless the user set another limit."""
    return int(packaging.GCS_STORAGE_MAX_SIZE)
