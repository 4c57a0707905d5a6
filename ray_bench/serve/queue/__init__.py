"""Where sweeps run that are asked for in the browser."""

from __future__ import annotations

from ray_bench.serve.board import Board
from ray_bench.serve.settings import ServeSettings


def board_of(settings: ServeSettings) -> Board:
    """Return the board of a service: Ray's job server where there is one, else this machine.

    Raises:
        RayBenchError: If the folder of the queue cannot be used.
    """
    if settings.address is not None:
        from ray_bench.serve.queue.cluster import RayBoard

        return RayBoard(settings)
    from ray_bench.serve.queue.local import LocalBoard

    return LocalBoard(settings)
