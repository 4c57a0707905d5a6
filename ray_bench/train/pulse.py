"""How far the training of this process is, for whoever looks from beside it."""

from __future__ import annotations

from typing import final


@final
class Pulse:
    """Written by the thread that trains, read by others; it costs an assignment a step.

    Attributes:
        step: The optimizer step that is going on, from 1; 0 before the first.
    """

    step = 0


PULSE = Pulse()
