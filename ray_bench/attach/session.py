"""Turns updates of optimizers into timed blocks, beside a script that knows nothing of it.

A step is one update of the anchor's optimizer. The first step after the start and after each
evaluation is not timed: it has what went before in it.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

import torch

from ray_bench.attach.anchor import Anchor
from ray_bench.attach.ending import EarlyEnd
from ray_bench.attach.found import facts_of
from ray_bench.attach.journal import Journal
from ray_bench.attach.loaders import Ledger
from ray_bench.attach.ranks import Meeting, Rank
from ray_bench.attach.samples import Count
from ray_bench.config.groups import MeasureConfig
from ray_bench.measure.blocks import BlockTimer
from ray_bench.measure.clock import SystemClock
from ray_bench.records import BlockRecord

#: Warm-up ends by its own rule; a share of the script's unknown length cannot limit it.
_UNKNOWN_STEPS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user asks for."""

    num_steps: int | None  # measured ones, after which the script is ended; None: its own end
    measure: MeasureConfig


@final
class Session:
    """Of one process.

    Args:
        wanted: What the user asks for.
        rank: As the launcher says.
        folder: Of all that was ever measured; each launch gets one of its own in it.

    Attributes:
        folder: Of this launch; None before its first step.
    """

    def __init__(self, wanted: Wanted, rank: Rank, folder: Path) -> None:
        self.ledger = Ledger()
        self.folder: Path | None = None
        self._root = folder
        self._began = datetime.now(UTC)
        self._wanted = wanted
        self._rank = rank
        self._journal: Journal | None = None
        self._count = Count()
        self._anchor = Anchor()
        self._meeting = Meeting()
        self._timer: BlockTimer | None = None
        self._is_paused = True  # until a step ends
        self._epoch = 0  # stretches between evaluations
        self._num_measured = 0
        self._counts_itself = False  # the script calls `ray_bench.step`
        self._pid = os.getpid()
        self._has_ended = False
        self._lr: list[float] = []

    def updated(self, optimizer: Any, *, was_skipped: bool = False) -> None:
        """An optimizer has made an update, or a scaler of gradients has left one out."""
        if os.getpid() != self._pid or self._counts_itself:
            return
        self._end_again()
        if not self._anchor.updated(id(optimizer)):
            return
        self._lr = [float(group["lr"]) for group in optimizer.param_groups if "lr" in group]
        if was_skipped:
            self._write("skipped")
        count, had_others = self.ledger.take()
        self._step(count, is_mixed=had_others, optimizer=optimizer)

    def step(self, num_samples: int | None, num_tokens: int | None) -> None:
        """The script says itself that a step is over."""
        self._counts_itself = True
        self._end_again()
        count, _ = self.ledger.take()
        if num_samples is not None:
            count = Count(num_samples, num_tokens, "script")
        self._step(count, is_mixed=False, optimizer=None)

    def log(self, values: dict[str, float]) -> None:
        """Keep what the script says of itself."""
        self._write("metric", step=self._num_measured, values=values)

    def pause(self) -> None:
        """An evaluation begins: what comes now is no training until a step ends."""
        if self._timer is not None and not self._is_paused:
            self._timer.end_epoch()
            self._is_paused = True

    def close(self, reason: str) -> None:
        """Nothing more is measured; the block that is going on is dropped."""
        if self._journal is not None and not self._has_ended:
            self._write("end", reason=reason, num_measured=self._num_measured)
            self._journal.close()
        self._has_ended = True

    def _write(self, kind: str, **values: Any) -> None:
        if self._journal is not None:
            self._journal.write(kind, **values)

    def _step(self, count: Count, *, is_mixed: bool, optimizer: Any) -> None:
        if self._timer is None:
            self._begin(optimizer)
        timer = self._timer
        assert timer is not None
        if self._is_paused or is_mixed:
            self._epoch += 1
            timer.start_epoch(self._epoch)
            self._is_paused = False
            return
        was_warmup, self._count = timer.is_warmup, count
        timer.step_done(count.samples)
        if timer.is_warmup:
            return
        self._anchor.fix()
        self._num_measured += not was_warmup
        if self._wanted.num_steps is not None and self._num_measured >= self._wanted.num_steps:
            self._end(timer)

    def _begin(self, optimizer: Any) -> None:
        num_ranks = self._meeting.num_ranks
        began = datetime.fromtimestamp(self._meeting.largest(self._began.timestamp()), UTC)
        self.folder = self._root / f"{began:%Y%m%dT%H%M%S.%fZ}-w{num_ranks}"
        self._journal = Journal(self.folder / f"rank-{self._rank.rank}.jsonl")
        facts = facts_of(optimizer)
        device = torch.device(facts.device)
        self._timer = BlockTimer(
            SystemClock(device),
            self._wanted.measure,
            agree=self._meeting.largest,
            record=self._record,
            total_steps=_UNKNOWN_STEPS,
            run_id="",
            rank=self._rank.rank,
        )
        self._write("facts", **asdict(facts), rank=asdict(self._rank), num_ranks=num_ranks)

    def _record(self, block: BlockRecord) -> None:
        values = asdict(block)
        del values["run_id"]
        self._write("block", **values, source=self._count.source, lr=self._lr)

    def _end(self, timer: BlockTimer) -> None:
        timer.end_epoch()
        self._meeting.largest(0.0)  # nobody leaves while another one still needs it
        self.close("measured")
        raise EarlyEnd

    def _end_again(self) -> None:
        """A script that catches everything goes on after its end; it ends here."""
        if self._has_ended:
            os._exit(0)
