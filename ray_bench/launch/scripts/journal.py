"""What a script's rank has written of its steps so far, for those who look while it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, final

from ray_bench.records import BlockRecord
from ray_bench.train.live import LiveRank
from ray_bench.train.pulse import PULSE

_NAMES = frozenset(BlockRecord.__dataclass_fields__) - {"run_id"}


@final
class JournalReader:
    """Of one rank.

    Args:
        folder: In which the rank's attachment makes a folder of its launch.
        run_id: For its records.
        num_steps: Measured ones that were asked for; None: its own end.
        live: Told how far it is.
        record: Told of every block.

    Attributes:
        has_begun: It has made a step.
        is_measured: It has all steps that were asked for.
        has_ended: The script came to its own end, and raised nothing.
        error: What ended the script while it made steps: class, words and traceback.
    """

    def __init__(
        self,
        folder: Path,
        *,
        run_id: str,
        num_steps: int | None,
        live: LiveRank,
        record: Callable[[BlockRecord], None],
    ) -> None:
        self.has_begun = False
        self.is_measured = False
        self.has_ended = False
        self.error: tuple[str, str, str | None] | None = None
        self._folder = folder
        self._run_id = run_id
        self._num_steps = num_steps
        self._live = live
        self._record = record
        self._offset = 0
        self._num_warmup = 0

    @property
    def path(self) -> Path | None:
        """Return the file; None before the first step. A script that begins anew has several."""
        files = sorted(self._folder.glob("attached/*/rank-*.jsonl"))
        return files[-1] if files else None

    @property
    def content(self) -> bytes:
        """All that was written; empty where nothing was."""
        return b"" if self.path is None else self.path.read_bytes()

    def look(self) -> bool:
        """Read what is new; return whether there is something."""
        lines = list(self._new_lines())
        for line in lines:
            self._take(line)
        return bool(lines)

    def _new_lines(self) -> Iterator[dict[str, Any]]:
        path = self.path
        if path is None:
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole, newline, _ = text.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.splitlines():
            yield json.loads(line)

    def _take(self, line: dict[str, Any]) -> None:
        self.has_begun = True
        kind, live = line["kind"], self._live
        if kind == "block":
            values = {name: value for name, value in line.items() if name in _NAMES}
            self._block(BlockRecord(run_id=self._run_id, **values))
        elif kind == "end":
            self._end(line)
        elif live.phase == "building":
            live.phase = "warm-up"

    def _end(self, line: dict[str, Any]) -> None:
        self.is_measured = line.get("reason") == "measured"
        kind = line.get("error_type")
        if kind not in (None, "SystemExit"):
            message = str(line.get("error_message") or kind)
            self.error = str(kind), message, line.get("error_traceback")
        self.has_ended = kind is None and not self.is_measured

    def _block(self, block: BlockRecord) -> None:
        live = self._live
        if block.is_warmup:
            live.phase = "warm-up"
            self._num_warmup += block.num_steps
        else:
            live.phase = "training"
            if self._num_steps is not None:
                live.num_steps = self._num_warmup + self._num_steps
        live.step += block.num_steps
        live.num_samples += block.num_samples
        live.step_ended_s = block.start_s + block.duration_s
        live.epoch = block.epoch
        PULSE.step = live.step
        self._record(block)
