"""What is measured of a script after its timed steps, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol, final

import torch

from ray_bench.attach.flops import FlopWindow
from ray_bench.attach.found import Facts
from ray_bench.attach.phases import PhaseWindow
from ray_bench.attach.samples import Step
from ray_bench.measure.clock import Clock


class Window(Protocol):
    """Some steps, with hooks."""

    @property
    def is_over(self) -> bool:
        """Whether it has seen all it needs."""
        ...

    def open(self) -> None:
        """The next step is its first."""
        ...

    def step_done(self, step: Step) -> None:
        """A step has ended."""
        ...

    def close(self) -> None:
        """Leave no hook."""
        ...


def windows_of(
    facts: Facts,
    *,
    num_ranks: int,
    phase_steps: int,
    clock: Clock,
    write: Callable[..., None],
) -> list[Window]:
    """Return those that can tell something of a script.

    What is compiled would be compiled anew with hooks. Where it is not known how ranks communicate,
    as with FSDP, communication would look like computation. The one with hooks on optimizers comes
    last: within such a hook none can be removed.
    """
    if facts.is_compiled:
        return []
    counted = FlopWindow(lambda flops, n: write("flops", num_flops=flops, num_samples=n))
    found: list[Window] = [counted]
    is_hidden = num_ranks > 1 and (facts.strategy != "ddp" or facts.has_comm_hook)
    if phase_steps and not is_hidden:

        def record(stamps: Any) -> None:
            write("stamps", **asdict(stamps))

        device = torch.device(facts.device)
        found.append(PhaseWindow(clock, device, num_steps=phase_steps, record=record))
    return found


@final
class Windows:
    """One that is open, and those that follow it.

    Attributes:
        are_over: Whether none is left.
    """

    def __init__(self, windows: Sequence[Window]) -> None:
        self._left = list(windows)
        self._open: Window | None = None
        self.are_over = False

    def open(self) -> None:
        """Open the next one that is not over at once."""
        while self._open is None or self._open.is_over:
            self.close()
            if not self._left:
                self.are_over = True
                return
            self._open = self._left.pop(0)
            self._open.open()

    def step_done(self, step: Step) -> None:
        """A step has ended."""
        if self._open is not None:
            self._open.step_done(step)
            self.open()

    def close(self) -> None:
        """Close the one that is open."""
        if self._open is not None:
            self._open.close()
        self._open = None
