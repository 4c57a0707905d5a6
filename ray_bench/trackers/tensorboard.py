"""TensorBoard: one event file a run, written whole."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import final

from ray_bench.trackers.entry import Entry


@final
class TensorBoard:
    """Writes `tensorboard/<sweep>/<run>/events.out.tfevents...` below the results.

    The step of `epoch/...` is the epoch; that of `run/...` is the world size, so that the runs of a
    sweep draw its scaling curve. An event file keeps single precision.

    Args:
        write: Stores the event file of (sweep id, run id), whole or not at all.
        root: Of the results, for people.
    """

    name, key = "TensorBoard", "tensorboard"

    def __init__(self, write: Callable[[str, str, bytes], object], *, root: str) -> None:
        self.place = f"{root.rstrip('/')}/tensorboard"
        self._write = write

    def open(self) -> None:
        """Nothing is kept open."""

    def log(self, entry: Entry) -> None:
        """Write the event file of a run, in place of that of an earlier attempt."""
        self._write(entry.sweep_id, entry.run_id, event_file(entry))

    def close(self) -> None:
        """Nothing was kept open."""


def event_file(entry: Entry) -> bytes:
    """Return a run as TensorBoard reads it: scalars, and its parameters for the HParams tab."""
    _import_without_torch()
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary
    from tensorboardX.summary import hparams

    ended_s = entry.ended_at_utc.timestamp()
    with tempfile.TemporaryDirectory(prefix="ray_bench-") as folder:
        writer = EventsWriter(f"{folder}/events")
        for summary in hparams(dict(entry.parameters), dict(entry.metrics)):
            writer.write_event(Event(wall_time=ended_s, summary=summary))
        curves = [(epoch.epoch, epoch.ended_at_utc, epoch.metrics) for epoch in entry.epochs]
        for step, at, metrics in (*curves, (entry.world_size, entry.ended_at_utc, entry.metrics)):
            values = [Summary.Value(tag=tag, simple_value=v) for tag, v in metrics.items()]
            summary = Summary(value=values)
            writer.write_event(Event(wall_time=at.timestamp(), step=step, summary=summary))
        writer.close()
        (path,) = Path(folder).iterdir()
        return path.read_bytes()


def _import_without_torch() -> None:
    """Import tensorboardX, which Ray carries.

    It imports torch where it can, to know tensors: more than a second, and there are none here.
    """
    if "torch" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # an import of it fails
    try:
        import tensorboardX  # noqa: F401
    finally:
        del sys.modules["torch"]
