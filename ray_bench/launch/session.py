"""What a sweep works in: a cluster, a folder, signals that end it, gauges, the network first."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.cluster import check_places, choose_gpu, connected
from ray_bench.launch.gauges import exported
from ray_bench.launch.head import watching_head
from ray_bench.launch.interrupt import ending_gently
from ray_bench.launch.listener import SweepListener
from ray_bench.launch.network import measure_first
from ray_bench.launch.places import Host
from ray_bench.launch.placing import check
from ray_bench.launch.scratch import scratch_folder
from ray_bench.launch.tuned import settled
from ray_bench.launch.vacancy import look


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where launches are made."""

    config: SweepConfig  # with the trainer settled
    use_gpu: bool
    scratch_dir: str  # for Ray's own files; removed at the end
    listener: SweepListener
    hosts: tuple[Host, ...] = ()  # of the cluster, when the sweep began


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
        ending_gently(listener.stopping) as listen,
        scratch_folder() as scratch,
        connected(address, tuned=config.launch.tuned) as have,
        watching_head(listener, partial(shutil.rmtree, scratch, ignore_errors=True)),
        exported(listener, wanted=config.trackers.prometheus) as listener,
    ):
        listen()  # Ray has put its own handlers in place
        use_gpu = choose_gpu(config, have)
        check(config, use_gpu=use_gpu)
        check_places(config, have, use_gpu=use_gpu)
        listener.joined()
        measure_first(config, network_id, use_gpu=use_gpu, scratch_dir=scratch, listener=listener)
        yield Session(
            config=config,
            use_gpu=use_gpu,
            scratch_dir=scratch,
            listener=listener,
            hosts=look().hosts,
        )
