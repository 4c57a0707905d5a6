"""The processes of a cluster that this process starts are in process groups of their own.

`timeout`, `scancel` and systemd send SIGTERM to a whole process group. Ray's head, which got it
too, would be gone before the sweep could end, and Ray waits a minute for it and aborts.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator
from typing import Any

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def own_process_groups() -> Iterator[None]:
    """Let each process that Ray starts meanwhile lead a group; Ray still ends it with this one."""
    try:
        from ray._private import services as private

        services: Any = private
        popen = services.ConsolePopen
    except (ImportError, AttributeError) as err:
        logger.info("Ray's processes get the signals of this one's group: %s", err)
        yield
        return
    services.ConsolePopen = functools.partial(popen, process_group=0)
    try:
        yield
    finally:
        services.ConsolePopen = popen
