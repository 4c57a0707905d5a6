"""Throughput: consecutive steps timed together, with nothing attached to the model.

A block starts at the stamp that ended the one before, so that the blocks of an epoch leave no gap.
Warm-up steps are blocks of one step each; they are kept and marked. After each of them the ranks
agree whether warm-up is over (`warmup.py`), and in the end on one block length, so that block i has
the same steps everywhere. What they say to each other counts as warm-up; later they say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, final

from ray_bench.config.groups import MeasureConfig
from ray_bench.measure.clock import Clock
from ray_bench.measure.warmup import Verdict, Warmup
from ray_bench.records import BlockRecord

NS = 1e-9


@final
class BlockTimer:
    """Cuts the steps of a run into timed blocks and hands each to `record`.

    Args:
        clock: Where the time comes from.
        config: Warm-up and block length.
        agree: Returns the largest of a float over all ranks; called only during warm-up.
        record: Receives each finished block.
        total_steps: Of the whole run; warm-up takes no more than its share of them.
        run_id: The run, for the records.
        rank: This rank, for the records.

    Attributes:
        is_unsettled: Whether warm-up was ended by its limit, with step times still moving.
    """

    def __init__(
        self,
        clock: Clock,
        config: MeasureConfig,
        *,
        agree: Callable[[float], float],
        record: Callable[[BlockRecord], None],
        total_steps: int,
        run_id: str,
        rank: int,
    ) -> None:
        self._clock = clock
        self._config = config
        self._agree = agree
        self._record = record
        self._run_id = run_id
        self._rank = rank
        self._block_steps = 0 if config.warmup_steps or config.warmup_s else 1  # 0: warming up
        self._warmup = Warmup(config, total_steps)
        self.is_unsettled = False
        self._num_blocks = 0
        self._origin_ns: int | None = None

    @property
    def is_warmup(self) -> bool:
        """Whether the next block is still warm-up."""
        return self._block_steps == 0

    def go_on(self, num_blocks: int, seconds: float) -> None:
        """Count on from blocks of an earlier process, which took so many seconds."""
        self._num_blocks = num_blocks
        self._origin_ns = self._clock.now_ns() - round(seconds / NS)

    def start_epoch(self, epoch: int) -> None:
        """Stamp the start of the first block of an epoch."""
        self._clock.synchronize()
        self._epoch = epoch
        self._start_ns = self._epoch_start_ns = self._clock.now_ns()
        if self._origin_ns is None:
            self._origin_ns = self._start_ns
        self._steps = self._samples = 0
        self._tokens: Any = 0

    def step_done(self, num_samples: int, num_tokens: Any = None, *, lr: Any = None) -> bool:
        """Count a step of so many local samples; return True when it ended a block.

        Tokens may be a tensor of one number: it is read when the block ends. None: unknown.
        `lr` is the rate that the step was made with, of the first parameter group; so may it.
        """
        self._lr = lr
        self._steps += 1
        self._samples += num_samples
        if num_tokens is None:
            self._tokens = None
        elif self._tokens is not None:
            self._tokens += num_tokens
        if self._steps < max(1, self._block_steps):
            return False
        self._close()
        return True

    def pause(self) -> float:
        """Close the last block and stand still; return the seconds of the epoch so far."""
        seconds = self.end_epoch()
        self._paused_ns = self._clock.now_ns()
        return seconds

    def resume(self) -> None:
        """Go on after a pause, of which no time counts."""
        self._clock.synchronize()
        self._start_ns = self._clock.now_ns()
        self._epoch_start_ns += self._start_ns - self._paused_ns

    def end_epoch(self) -> float:
        """Close the last block; return the seconds of the epoch on this rank's clock."""
        if self._steps:
            self._close()
        return (self._clock.now_ns() - self._epoch_start_ns) * NS

    def _close(self) -> None:
        self._clock.synchronize()
        end_ns = self._clock.now_ns()
        was_warmup = self.is_warmup
        if was_warmup:
            self._end_warmup_when_due((end_ns - self._start_ns) * NS)
            end_ns = self._clock.now_ns()
        assert self._origin_ns is not None, "start_epoch comes before step_done"
        self._record(
            BlockRecord(
                run_id=self._run_id,
                rank=self._rank,
                block=self._num_blocks,
                epoch=self._epoch,
                num_steps=self._steps,
                num_samples=self._samples,
                start_s=(self._start_ns - self._origin_ns) * NS,
                duration_s=(end_ns - self._start_ns) * NS,
                is_warmup=was_warmup,
                num_tokens=None if self._tokens is None else int(self._tokens),
                applied_lr=None if self._lr is None else float(self._lr),
            )
        )
        self._num_blocks += 1
        self._start_ns = end_ns
        self._steps = self._samples = 0
        self._tokens = 0

    def _end_warmup_when_due(self, duration_s: float) -> None:
        self._warmup.add(duration_s)
        if not self._warmup.has_enough_steps:
            return
        verdict = self._agree(float(self._warmup.verdict()))
        if verdict > Verdict.GIVE_UP:
            return
        self.is_unsettled = verdict == Verdict.GIVE_UP
        typical_s = self._agree(self._warmup.typical_s())
        self._block_steps = max(1, math.ceil(self._config.block_s / max(typical_s, NS)))
