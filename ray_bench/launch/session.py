"""What a sweep works in: a cluster, a folder, signals that end it, gauges, the network first."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.cluster import choose_gpu, connected
from ray_bench.launch.gauges import exported
from ray_bench.launch.interrupt import ending_gently
from ray_bench.launch.listener import SweepListener
from ray_bench.launch.network import measure_first
from ray_bench.launch.placing import check
from ray_bench.launch.tuned import settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where launches are made."""

    config: SweepConfig  # with the trainer settled
    use_gpu: bool
    scratch_dir: str  # for Ray's own files; removed at the end
    listener: SweepListener


@contextlib.contextmanager
def session(
    config: SweepConfig, address: str | None, listener: SweepListener, *, network_id: str
) -> Iterator[Session]:
    """Connect, and measure the network first where that is asked for.

    Raises:
        LaunchError: If the cluster cannot be reached, or Ray cannot place workers as asked.
        ClusterCapacityError: If it can never give the largest run its workers.
    """
    config = settled(config, listener.note)
    with (
        connected(address, tuned=config.launch.tuned) as have,
        ending_gently(listener.stopping),
        tempfile.TemporaryDirectory(prefix="ray_bench-") as scratch,
        exported(listener, wanted=config.trackers.prometheus) as listener,
    ):
        use_gpu = choose_gpu(config, have)
        check(config, use_gpu=use_gpu)
        measure_first(config, network_id, use_gpu=use_gpu, scratch_dir=scratch, listener=listener)
        yield Session(config=config, use_gpu=use_gpu, scratch_dir=scratch, listener=listener)
