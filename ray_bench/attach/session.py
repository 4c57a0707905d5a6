"""Turns updates of optimizers into recorded steps, beside a script that knows nothing of it.

A step is one update of the anchor's optimizer.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Hashable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, final

import torch

from ray_bench.attach.about import Script, process_facts
from ray_bench.attach.alike import have_equal_parameters
from ray_bench.attach.anchor import Anchor, role_of
from ray_bench.attach.ending import EarlyEnd
from ray_bench.attach.found import Facts, facts_of
from ray_bench.attach.loaders import Ledger, Taken
from ray_bench.attach.progress import Progress
from ray_bench.attach.ranks import Meeting, Rank
from ray_bench.attach.samples import Count, Step
from ray_bench.attach.windows import Window, Windows, windows_of
from ray_bench.config.groups import MeasureConfig
from ray_bench.measure.clock import SystemClock
from ray_bench.measure.instruments import Instruments
from ray_bench.measure.recorder import Recorder
from ray_bench.records import Launched, kept_traceback

#: The rate of a schedule may begin at 0, and then the first updates change nothing.
_ALIKE_AT_STEP = 5
#: A processor's counter of energy wraps after some twenty minutes.
_READ_EVERY_NS = 60 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user asks for."""

    num_steps: int | None  # measured ones, after which the script is ended; None: its own end
    measure: MeasureConfig
    phase_steps: int = 0  # after the measured ones, taken apart by phase where that can be told
    script: Script | None = None  # None: not known
    launched: Launched = "attached"


@final
class Session:
    """Of one process.

    Args:
        wanted: What the user asks for.
        rank: As the launcher says.
        folder: Of all that was ever measured; each launch gets one of its own in it.

    Attributes:
        folder: Of this launch; None before its first step.
        autocast: The type that the script computes in, where it was last entered; None: in none.
    """

    def __init__(self, wanted: Wanted, rank: Rank, folder: Path) -> None:
        self.folder: Path | None = None
        self.autocast: torch.dtype | None = None
        self._root = folder
        self._began = datetime.now(UTC)
        self._wanted = wanted
        self._rank = rank
        self._anchor = Anchor()
        self._newest: Any = None  # the optimizer that made the last update, and its role
        self._role: Hashable = None
        self._meeting = Meeting()
        self._recorder = Recorder(wanted.measure, rank=rank.rank, agree=self._meeting.largest)
        self._clock = SystemClock(torch.device("cpu"))
        self._progress = Progress(self._recorder.write, lambda: self._clock.synchronize())
        self.ledger = Ledger(unused=self._progress.exhausted)
        self._instruments: Instruments | None = None  # while they read
        self._read_at_ns = 0
        self._counts_itself = False  # the script calls `ray_bench.step`
        self._is_in_engine = False  # what optimizers do is a part of an engine's step
        self._pid = os.getpid()
        self._device = torch.device("cpu")
        self._has_ended = False
        self._windows: list[Window] = []
        self._after: Windows | None = None  # the timed steps are over
        self._was_paused = False
        self._steps_until_alike: int | None = None  # None: the ranks need not be compared

    def updated(self, optimizer: Any, *_: Any, was_skipped: bool = False) -> None:
        """An optimizer has made an update, or a scaler of gradients has left one out.

        A hook of torch as it is: every call of a step costs a script a microsecond.
        """
        if os.getpid() != self._pid or self._counts_itself or self._is_in_engine:
            return
        if self._has_ended:
            self._end_again()
        if optimizer is not self._newest:
            self._newest, self._role = optimizer, role_of(optimizer)
        if not self._anchor.updated(self._role):
            return
        if was_skipped:
            self._recorder.skipped()
        self._step(self.ledger.take(), optimizer)

    def engine_begins(self) -> None:
        """An engine may make a step: what optimizers do meanwhile is a part of it."""
        self._is_in_engine = True

    def engine_ended(self, engine: Any, *, is_step: bool, was_skipped: bool) -> None:
        """It is over."""
        self._is_in_engine = False
        if is_step and engine.optimizer is not None:
            self.updated(engine.optimizer, was_skipped=was_skipped)

    def step(self, num_samples: int | None, num_tokens: int | None) -> None:
        """The script says itself that a step is over."""
        self._counts_itself = True
        if self._has_ended:
            self._end_again()
        taken = self.ledger.take()._replace(had_others=False)
        if num_samples is not None:
            taken = taken._replace(drawn=Count(num_samples, num_tokens, "script"))
        self._step(taken, None)

    def log(self, values: dict[str, float]) -> None:
        """Keep what the script says of itself."""
        self._progress.said(values)

    def pause(self) -> None:
        """An evaluation begins: what comes now is no training until a step ends."""
        self._was_paused = True
        self._recorder.evaluated()
        self._progress.paused()

    def resume(self) -> None:
        """A module is in training mode again."""
        self._progress.resumed()

    def close(self, reason: str, error: BaseException | None = None) -> None:
        """Nothing more is measured; the block that is going on is dropped.

        Args:
            reason: How the script ended, in words.
            error: What it ended by, where it failed.
        """
        if self._after is not None:
            self._after.close()
        if not self._has_ended and os.getpid() == self._pid:
            self._stop_reading()
            self._progress.flush()
            self._recorder.close(reason, **_error_fields(error))
        self._has_ended = True

    def _step(self, taken: Taken, optimizer: Any) -> None:
        was_paused, self._was_paused = self._was_paused, False
        recorder, count = self._recorder, taken.drawn
        self._progress.step(count.samples)
        if self._after is not None:
            has_others = taken.had_others or was_paused
            self._after.step_done(Step(count, optimizer is not None, has_others))
            self._end_when_over(self._after)
            return
        if not recorder.has_started:
            self._begin(optimizer)
        was_timed = recorder.step(
            count.samples,
            num_tokens=count.tokens,
            source=count.source,
            lr=_first_lr(optimizer),
            num_backwards=taken.num_backwards if self._anchor.num_optimizers == 1 else None,
            has_others=taken.had_others,
        )
        if self._steps_until_alike is not None:
            self._compare_ranks(optimizer)
        if not was_timed and recorder.is_warmup:
            return
        if not self._anchor.is_fixed:
            self._anchor.fix()
        if self._instruments is not None and self._progress.last_ns > self._read_at_ns:
            self._read_energy(self._instruments)
        if self._wanted.num_steps is not None and recorder.num_timed >= self._wanted.num_steps:
            self._after_timing()

    def _begin(self, optimizer: Any) -> None:
        num_ranks = self._meeting.num_ranks
        began = datetime.fromtimestamp(self._meeting.largest(self._began.timestamp()), UTC)
        self.folder = self._root / f"{began:%Y%m%dT%H%M%S.%fZ}-w{num_ranks}"
        facts = facts_of(optimizer, self.autocast)
        self._device = torch.device(facts.device)
        self._clock = SystemClock(self._device)
        self._windows = windows_of(
            facts,
            num_ranks=num_ranks,
            phase_steps=self._wanted.phase_steps,
            clock=self._clock,
            write=self._recorder.write,
        )
        if num_ranks > 1 and facts.strategy == "none" and optimizer is not None:
            self._steps_until_alike = min(_ALIKE_AT_STEP, 1 + self._wanted.measure.warmup_steps)
        self._recorder.start(
            self.folder / f"rank-{self._rank.rank}.jsonl",
            self._clock,
            **self._about(facts),
            rank=asdict(self._rank),
            num_ranks=num_ranks,
        )
        self._instruments = Instruments(
            self._device, is_node_leader=self._rank.local_rank == 0, failed=self._instrument_failed
        ).__enter__()
        if "WORLD_SIZE" in os.environ and self._rank.world_size > num_ranks:
            self._recorder.write("alike", are_equal=False)  # torchrun's, without a process group

    def _compare_ranks(self, optimizer: Any) -> None:
        """See once, within warm-up, whether something keeps the ranks in step."""
        assert self._steps_until_alike is not None, "asked only until it has been seen"
        self._steps_until_alike -= 1
        if self._steps_until_alike == 0:
            self._steps_until_alike = None
            are_equal = have_equal_parameters(self._meeting, optimizer)
            self._recorder.write("alike", are_equal=are_equal)

    def _about(self, facts: Facts) -> dict[str, Any]:
        script = self._wanted.script
        return {
            **asdict(facts),
            **process_facts(self._device),
            "launched": self._wanted.launched,
            "script": None if script is None else asdict(script),
            "began_unix_s": self._began.timestamp(),
        }

    def _after_timing(self) -> None:
        self._recorder.evaluated()
        self._stop_reading()
        self._after = Windows(self._windows)
        self._after.open()
        self._end_when_over(self._after)

    def _end_when_over(self, after: Windows) -> None:
        if after.are_over:
            self._end()

    def _read_energy(self, instruments: Instruments) -> None:
        """Read a counter that may wrap more than once in a long job."""
        instruments.read_energy()
        self._read_at_ns = self._progress.last_ns + _READ_EVERY_NS

    def _stop_reading(self) -> None:
        """Read the instruments for the last time, and say what they saw."""
        reading, self._instruments = self._instruments, None
        if reading is None:
            return
        reading.__exit__(None, None, None)
        self._recorder.write(
            "instruments",
            peak_memory_bytes=reading.peak_memory_bytes,
            reads_energy=reading.reads_energy,
            energy_j=reading.energy_j,
            gpu=None if reading.gpu is None else asdict(reading.gpu),
        )

    def _instrument_failed(self, error: Exception) -> None:
        self._recorder.write("failed", part="instruments", **_error_fields(error))

    def _end(self) -> NoReturn:
        self._meeting.largest(0.0)  # nobody leaves while another one still needs it
        self.close("measured")
        raise EarlyEnd

    def _end_again(self) -> NoReturn:
        """A script that catches everything goes on after its end; it ends here."""
        os._exit(0)


def _first_lr(optimizer: Any) -> Any:
    """Return a number, or a tensor of one, which is read when a block ends."""
    groups = None if optimizer is None else optimizer.param_groups
    return groups[0].get("lr") if groups else None


def _error_fields(error: BaseException | None) -> dict[str, str]:
    if error is None:
        return {}
    return {
        "error_type": type(error).__name__,
        "error_message": str(error),
        "error_traceback": kept_traceback("".join(traceback.format_exception(error))),
    }
