"""The folder of Ray's own files of a sweep; those of sweeps that were killed are removed."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

_PREFIX = "ray_bench-"
#: Its owner holds it locked; a process that is killed holds nothing.
_LOCK = "owner.lock"


@contextlib.contextmanager
def scratch_folder() -> Iterator[str]:
    """Make a folder that is gone at the end, or when the next one is made after a SIGKILL."""
    remove_stale(Path(tempfile.gettempdir()))
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder,
        (Path(folder) / _LOCK).open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def remove_stale(parent: Path) -> None:
    """Remove the folders of this user whose owner is gone."""
    for path in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            if path.stat().st_uid != os.getuid():
                continue
            with path.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent)
        except BlockingIOError:
            continue  # its owner is alive
        except OSError as err:
            logger.info("%s stays: %s", path.parent, err)
