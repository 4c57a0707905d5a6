"""What a job's working directory uploads, and whether Ray takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ray_bench.errors import ConfigError

_NAMED = 5  # of the largest files
_MIB = 2**20


def upload_sizes(folder: Path, excludes: Sequence[str] = ()) -> dict[str, int]:
    """Return the bytes of every file that Ray would upload, by its path within the folder.

    What .gitignore and .rayignore name stays here, as in Ray itself, whose own walk is used.
    """
    from ray_bench.launch.tuned.packaging import walk

    sizes: dict[str, int] = {}

    def note(path: Path) -> None:
        if path.is_file():
            sizes[str(path.relative_to(folder))] = path.stat().st_size

    walk(folder, excludes, note)
    return sizes


def upload_limit_bytes() -> int:
    """Return how much Ray takes as one package."""
    from ray_bench.launch.tuned.packaging import limit_bytes

    return limit_bytes()


def check_upload(folder: Path, sizes: Mapping[str, int], limit: int) -> int:
    """Return the bytes to upload.

    Raises:
        ConfigError: If they are more than Ray takes; names the largest files.
    """
    total = sum(sizes.values())
    if total < limit:
        return total
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:_NAMED]
    listed = ", ".join(f"{name} ({size / _MIB:.1f} MiB)" for name, size in largest)
    raise ConfigError(
        f"The working directory {folder} has {total / _MIB:.0f} MiB in {len(sizes)} files, and Ray "
        f"takes {limit / _MIB:.0f} MiB. The largest: {listed}. Name what the job does not need in "
        ".rayignore, or take a smaller folder, or --working-dir none."
    )
