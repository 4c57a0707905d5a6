"""How far a script is: its steps, samples and seconds, and those of its evaluations.

An evaluation is seen where a module leaves training mode, until one comes back to it; or where a
loader ends on which nothing was trained, since the last training step. All else is training: what
a script does between its steps, such as a checkpoint, cannot be told from them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, final

_S_PER_NS = 1e-9


@final
class Progress:
    """Of one process, by its clock, from the end of its first step.

    Args:
        write: Adds a line to the file of this rank.
        synchronize: Waits for the device; at the edges of evaluations alone.

    Attributes:
        num_samples: Of this rank, trained on by now, as far as they are known.
        last_ns: When the last step ended.
    """

    def __init__(self, write: Callable[..., None], synchronize: Callable[[], None]) -> None:
        self._write = write
        self._synchronize = synchronize
        self._num_steps = 0
        self.num_samples = 0
        self._first_ns: int | None = None
        self.last_ns = 0
        self._opened_ns: int | None = None  # training mode was left
        self._left_ns: int | None = None  # and came back
        self._exhausted_ns: int | None = None
        self._eval_s = 0.0  # of evaluations that are over

    def step(self, num_samples: int) -> None:
        """A training step has ended. Every call costs a script some time."""
        if self._opened_ns is not None or self._exhausted_ns is not None:
            self.flush()
        self.last_ns = time.perf_counter_ns()
        if self._first_ns is None:
            self._first_ns = self.last_ns
        self._num_steps += 1
        self.num_samples += num_samples

    def paused(self) -> None:
        """A module has left training mode."""
        if self._opened_ns is None:
            self._opened_ns = self._now_ns()

    def resumed(self) -> None:
        """A module is in training mode again."""
        if self._opened_ns is not None:
            self._left_ns = self._now_ns()

    def exhausted(self) -> None:
        """A loader has ended on which nothing was trained."""
        self._exhausted_ns = self._now_ns()

    def said(self, values: dict[str, float]) -> None:
        """Keep what the script says of itself, with what it had spent by then."""
        self._write("metric", values=values, **self._spent())

    def flush(self) -> None:
        """Write the evaluation that was seen since the last step, if there was one."""
        begin_ns = self._opened_ns or self.last_ns
        ends_ns = [x for x in (self._exhausted_ns, self._left_ns) if x is not None and x > begin_ns]
        if self._first_ns is not None and ends_ns:
            spent = self._spent()
            eval_s = (ends_ns[0] - begin_ns) * _S_PER_NS
            self._eval_s += eval_s
            self._write("evaluation", eval_s=eval_s, **spent)
        self._opened_ns = self._left_ns = self._exhausted_ns = None

    def _spent(self) -> dict[str, Any]:
        """Return the training by now; of seconds those up to the last step, without evaluations."""
        whole_ns = 0 if self._first_ns is None else self.last_ns - self._first_ns
        return {
            "num_steps": self._num_steps,
            "num_samples": self.num_samples,
            "trained_s": whole_ns * _S_PER_NS - self._eval_s,
        }

    def _now_ns(self) -> int:
        self._synchronize()
        return time.perf_counter_ns()
