"""Brings what a rank measures to the driver while it is measured, so that a kill loses little.

The training thread only puts a record into a list and a line into a file. Another thread sends what
is new to the inbox, at most once a second. The file, on the rank's own node, is for what the thread
could no longer send; `collect.py` reads it.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import uuid
from collections.abc import Sequence
from typing import Any, Self, final

import ray

from ray_bench.launch.failures import Failure, told_by
from ray_bench.launch.words import Kept, RankWords, RunKey, line_of
from ray_bench.records import BlockRecord
from ray_bench.train.live import LiveRank
from ray_bench.train.prepare import AnyRecord

logger = logging.getLogger(__name__)

EVERY_S = 1.0
#: Longer than an inbox on a busy host takes, shorter than a user who waits for the end.
_PATIENCE_S = 10.0


@final
class Courier:
    """Of one rank of a launch; a context that ends with it.

    Args:
        inbox: Handle of the actor that takes what ranks say.
        launch_id: The launch.
        rank: This rank.
        folder: For the file, where it exists on this node; else a temporary folder.
        every_s: How often something is sent; None leaves it to `send`.
    """

    def __init__(
        self,
        inbox: Any,
        *,
        launch_id: str,
        rank: int,
        folder: str,
        every_s: float | None = EVERY_S,
    ) -> None:
        self.live = LiveRank()
        self._inbox = inbox
        self._launch_id = launch_id
        self._rank = rank
        self._courier_id = uuid.uuid4().hex[:8]
        self._node_id = ray.get_runtime_context().get_node_id() if ray.is_initialized() else None
        self._file = _File(folder, f"ray_bench-{launch_id}-{rank}-{self._courier_id}.jsonl")
        self._new: list[tuple[RunKey, Kept]] = []
        self._failure: Failure | None = None
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go, name="courier", daemon=True)

    def __enter__(self) -> Self:
        if self._every_s is not None:
            self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(2 * _PATIENCE_S)
        if error is not None:
            self._failure = told_by(error, self._rank)
        if self.send(is_last=True):
            self._file.remove()

    def record(self, record: AnyRecord) -> None:
        """Take a record of the run that is going on. Called by the training thread."""
        live = self.live
        if live.sweep_id is None or live.run_id is None:
            return
        if isinstance(record, Kept):
            key = (live.sweep_id, live.run_id)
            self._new.append((key, record))
            self._file.write(key, record)

    def send(self, *, is_last: bool = False) -> bool:
        """Send what is new; return whether it has arrived. What has not is sent again."""
        new = tuple(self._new)
        try:
            ray.get(self._inbox.tell.remote(self._words(new, is_last)), timeout=_PATIENCE_S)
        except ray.exceptions.RayError as err:
            logger.info("What rank %s has measured stays in its file: %s", self._rank, err)
            return False
        del self._new[: len(new)]
        return True

    def _go(self) -> None:
        while not self._ended.wait(self._every_s):
            self.send()

    def _words(self, new: Sequence[tuple[RunKey, Kept]], is_last: bool) -> RankWords:
        live = self.live
        known = live.sweep_id is not None and live.run_id is not None
        return RankWords(
            launch_id=self._launch_id,
            rank=self._rank,
            phase=live.phase,
            key=(live.sweep_id, live.run_id) if known else None,  # type: ignore[arg-type]
            num_steps=live.num_steps,
            step=live.step,
            num_samples=live.num_samples,
            step_ended_s=live.step_ended_s,
            epoch=live.epoch,
            loss=live.loss,
            num_evaluated=live.num_evaluated,
            num_to_evaluate=live.num_to_evaluate,
            courier_id=self._courier_id,
            node_id=self._node_id,
            file=self._file.path,
            records=tuple(new),
            failure=self._failure,
            is_last=is_last,
        )


@final
class _File:
    """A rank's records after warm-up, a line each. A full disk ends the file and not the run."""

    def __init__(self, folder: str, name: str) -> None:
        place = folder if os.path.isdir(folder) else tempfile.gettempdir()
        self.path: str | None = os.path.join(place, name)
        self._number: int | None = None  # of the open file

    def write(self, key: RunKey, record: Kept) -> None:
        # A step of warm-up is a block of its own, and there may be ten thousand a second.
        if self.path is None or (isinstance(record, BlockRecord) and record.is_warmup):
            return
        try:
            if self._number is None:
                self._number = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(self._number, line_of(key, record).encode())
        except OSError as err:
            logger.warning("%s is no longer written: %s", self.path, err)
            self.path = None

    def remove(self) -> None:
        if self._number is not None:
            os.close(self._number)
            self._number = None
        if self.path is not None and os.path.exists(self.path):
            os.remove(self.path)
