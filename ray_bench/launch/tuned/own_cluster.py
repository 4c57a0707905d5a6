"""Whether this process belongs to a cluster that was started for one sweep, and is tuned for it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

#: Set for the processes of such a cluster.
_OWN_CLUSTER = "RAY_BENCH_OWN_CLUSTER"


def is_own_cluster() -> bool:
    """Whether this process belongs to a cluster that was started for one sweep."""
    return _OWN_CLUSTER in os.environ


@contextlib.contextmanager
def own_cluster() -> Iterator[None]:
    """Say it to this process and to all that it starts meanwhile."""
    os.environ[_OWN_CLUSTER] = "1"
    try:
        yield
    finally:
        del os.environ[_OWN_CLUSTER]
