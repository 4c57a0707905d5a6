"""Decoded images on disk: written once a host, memory-mapped by every rank.

A lock file keeps the ranks of a host from decoding the same files at the same time; the system
releases it when its holder dies. A folder that cannot be written is no error: nothing is kept then.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ray_bench.workloads.arrays import Split

logger = logging.getLogger(__name__)


def cached(folder: Path, key: str, decode: Callable[[], Split]) -> Split:
    """Return what `decode` gives, from disk when this key was decoded before.

    Args:
        folder: Made when absent.
        key: Names the content: a checksum is part of it.
        decode: Called at most once a host and key, as long as the folder can be written.
    """
    found = _read(folder, key)
    if found is not None:
        return found
    with host_lock(folder, key):
        found = _read(folder, key)  # another rank may have decoded it while this one waited
        if found is not None:
            return found
        split = decode()
        _write(folder, key, split)
    return split


@contextlib.contextmanager
def host_lock(folder: Path, key: str) -> Iterator[None]:
    """Hold a lock that one process of this host can have; none where the folder is read-only."""
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context((folder / f"{key}.lock").open("a"))
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as err:
            logger.info("no lock in %s (%s): every rank does the work itself", folder, err)
        yield


def _paths(folder: Path, key: str) -> tuple[Path, Path]:
    return folder / f"{key}-images.npy", folder / f"{key}-labels.npy"


def _read(folder: Path, key: str) -> Split | None:
    """Return the stored split, None where there is none or it is damaged."""
    image_path, label_path = _paths(folder, key)
    try:
        # Mode "c": torch warns of arrays that it could not write to.
        images = np.load(image_path, mmap_mode="c", allow_pickle=False)
        labels = np.load(label_path, allow_pickle=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, EOFError) as err:
        logger.warning("%s is damaged (%s) and is decoded again", image_path, err)
        return None
    return Split(images, labels) if len(images) == len(labels) else None


def _write(folder: Path, key: str, split: Split) -> None:
    arrays: tuple[npt.NDArray[Any], ...] = (split.images, split.labels)
    for path, array in zip(_paths(folder, key), arrays, strict=True):
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                np.save(file, array, allow_pickle=False)
            temporary.replace(path)
        except OSError as err:
            logger.info("decoded images are not kept in %s: %s", folder, err)
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            return
