"""Ctrl-C and SIGTERM end a sweep gently: what has finished is stored, what runs is dropped.

Tune's own handler of Ctrl-C is silent for the ten seconds that it takes, and Ray's handler of
SIGTERM dumps a stack and aborts. Tune listens to SIGUSR1 in the same way, so that signal stands
for "end".
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_sweep() -> None:
    """Make the sweep that runs in this process end after the callback that it is in."""
    if callable(signal.getsignal(signal.SIGUSR1)):
        signal.raise_signal(signal.SIGUSR1)
    else:
        raise KeyboardInterrupt


@contextlib.contextmanager
def ending_gently(say_so: Callable[[], None]) -> Iterator[None]:
    """End the sweep on a first Ctrl-C or SIGTERM, after `say_so()`; at once on a second.

    Outside the main thread, where Python takes no signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    was_asked = False

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        nonlocal was_asked
        if was_asked:
            raise KeyboardInterrupt
        was_asked = True
        say_so()
        end_sweep()

    before = {name: signal.getsignal(name) for name in (*_SIGNALS, signal.SIGUSR1)}
    for name in _SIGNALS:
        signal.signal(name, end)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler if handler is not None else signal.SIG_DFL)
