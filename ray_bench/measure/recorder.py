"""Steps in, timed blocks out, whoever makes the steps; each is written to a file as it ends.

What a rank has measured is on disk while it still trains: a process that is killed loses the block
that was going on, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

from ray_bench.config.groups import MeasureConfig
from ray_bench.measure.blocks import BlockTimer
from ray_bench.measure.clock import Clock
from ray_bench.measure.journal import Journal
from ray_bench.records import BlockRecord, Source

#: Warm-up ends by its own rule; a share of an unknown length cannot limit it.
UNKNOWN_STEPS = 10**9


@final
class Recorder:
    """Of one rank. The first step of a stretch is not timed: it has what went before in it.

    Args:
        measure: Warm-up and block length.
        rank: This rank, for the records.
        agree: Returns the largest of a float over all ranks; called only during warm-up.

    Attributes:
        num_timed: Steps after warm-up.
        num_skipped: Steps whose update a scaler of gradients left out.
    """

    def __init__(
        self, measure: MeasureConfig, *, rank: int, agree: Callable[[float], float]
    ) -> None:
        self._measure = measure
        self._rank = rank
        self._agree = agree
        self._journal: Journal | None = None
        self._timer: BlockTimer | None = None
        self._is_in_stretch = False
        self._num_stretches = 0
        self._source: Source = "unknown"  # of the last step, said with the block that it ends
        self._num_backwards: int | None = None
        self.num_timed = 0
        self.num_skipped = 0

    @property
    def has_started(self) -> bool:
        """Whether steps can be recorded."""
        return self._timer is not None

    @property
    def is_warmup(self) -> bool:
        """Whether the next step is still warm-up."""
        return self._timer is None or self._timer.is_warmup

    def start(self, path: Path, clock: Clock, **facts: Any) -> None:
        """Begin the file of this rank with what is known before its first timed step.

        Args:
            path: The file; its folder is made where there is none.
            clock: Where the time comes from.
            facts: What JSON can hold.
        """
        self._journal = Journal(path)
        self._timer = BlockTimer(
            clock,
            self._measure,
            agree=self._agree,
            record=self._write_block,
            total_steps=UNKNOWN_STEPS,
            run_id="",
            rank=self._rank,
        )
        self.write("facts", **facts, first_step_unix_s=datetime.now(UTC).timestamp())

    def step(
        self,
        num_samples: int,
        *,
        num_tokens: int | None = None,
        source: Source = "unknown",
        lr: Any = None,
        num_backwards: int | None = None,
        has_others: bool = False,
    ) -> bool:
        """Count a step that has just ended; return whether it was timed, after warm-up.

        Args:
            num_samples: Of this rank; 0 where `source` is unknown.
            num_tokens: Of this rank; None: unknown.
            source: What told the samples.
            lr: That the step was made with, of the first parameter group; also a tensor of one.
            num_backwards: Passes, one a micro-batch; None where that cannot be told.
            has_others: Something else than training was done within the step.
        """
        timer = self._timer
        assert timer is not None, "start comes before step"
        if has_others or not self._is_in_stretch:
            self._num_stretches += 1
            timer.start_epoch(self._num_stretches)
            self._is_in_stretch = True
            return False
        was_warmup = timer.is_warmup
        self._source, self._num_backwards = source, num_backwards
        timer.step_done(num_samples, num_tokens, lr=lr)
        if was_warmup and not timer.is_warmup:
            self.write("warm", is_unsettled=timer.is_unsettled)
        self.num_timed += not was_warmup
        return not was_warmup

    def evaluated(self) -> None:
        """Training pauses here, for an evaluation: the block that is going on ends."""
        if self._timer is not None and self._is_in_stretch:
            self._timer.end_epoch()
            self._is_in_stretch = False

    def skipped(self) -> None:
        """A scaler of gradients has left out an update."""
        self.num_skipped += 1
        self.write("skipped", step=self.num_timed)

    def write(self, kind: str, **values: Any) -> None:
        """Add a line to the file; before `start` there is none."""
        if self._journal is not None:
            self._journal.write(kind, **values)

    def close(self, reason: str, **values: Any) -> None:
        """Write how it ended; what is going on is dropped, and nothing more is recorded."""
        if self._journal is not None:
            self.write(
                "end",
                reason=reason,
                num_timed=self.num_timed,
                num_skipped=self.num_skipped,
                ended_unix_s=datetime.now(UTC).timestamp(),
                **values,
            )
            self._journal.close()
        self._journal = None

    def _write_block(self, block: BlockRecord) -> None:
        values = asdict(block) | {"source": self._source, "num_backwards": self._num_backwards}
        del values["run_id"]
        self.write("block", **values)
