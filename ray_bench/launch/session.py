"""A cluster to work on, a folder for Ray's own files, and signals that end the work gently."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.cluster import choose_gpu, connected
from ray_bench.launch.interrupt import ending_gently
from ray_bench.launch.tuning import SweepListener


@contextlib.contextmanager
def session(
    config: SweepConfig, address: str | None, listener: SweepListener
) -> Iterator[tuple[bool, str]]:
    """Connect, and give (whether to use GPUs, a folder that is removed at the end).

    Raises:
        LaunchError: If the cluster cannot be reached.
        ClusterCapacityError: If it can never give the largest run its workers.
    """
    with (
        connected(address, tuned=config.launch.tuned) as have,
        ending_gently(listener.stopping),
        tempfile.TemporaryDirectory(prefix="ray_bench-") as scratch,
    ):
        yield choose_gpu(config, have), scratch
