"""Ctrl-C, SIGTERM and SIGHUP end a sweep within seconds: what has finished is kept.

`ray job stop` kills 3 s after SIGTERM. Tune's own end of an experiment takes ten, so the sweep
leaves it as it is: everything that it has started ends with this process's Ray job. Ray's own
handler of SIGTERM dumps a stack and aborts.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import final

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: A terminal that goes, and who ends a service, send two signals at once: they mean one.
TOGETHER_S = 1.0


@final
class Interruption:
    """What was asked of the main thread while it must not be interrupted.

    Attributes:
        asked_by: The signal that asked for the end; None where none did.
    """

    def __init__(self) -> None:
        self.asked_by: str | None = None
        self._asked_s = 0.0
        self._depth = 0
        self._say_so: Callable[[], None] = lambda: None

    def begin(self, say_so: Callable[[], None]) -> None:
        """Forget what was asked of a sweep before this one."""
        self.asked_by, self._depth, self._say_so = None, 0, say_so

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: end gently, or, when it comes again, at once."""
        del frame
        now_s = time.monotonic()
        if self.asked_by is not None:
            if now_s - self._asked_s > TOGETHER_S:
                raise KeyboardInterrupt
            return
        self.asked_by, self._asked_s = signal.Signals(number).name, now_s
        with contextlib.suppress(OSError):  # after SIGHUP there may be no terminal
            self._say_so()
        if not self._depth:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def put_off(self) -> Iterator[None]:
        """Finish what is begun here; a signal that comes meanwhile counts at its end."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        self.check()

    def check(self) -> None:
        """End here where that was asked for; foreign code may have swallowed the interrupt."""
        if self.asked_by is not None and not self._depth:
            raise KeyboardInterrupt


INTERRUPTION = Interruption()


@contextlib.contextmanager
def ending_gently(say_so: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """End the sweep on a first signal, after `say_so()`; at once on a second.

    Outside the main thread, where Python takes no signals, nothing is changed.

    Yields:
        What listens again after Ray, when it was started, has put its own handler in place.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = {name: signal.getsignal(name) for name in _SIGNALS}
    INTERRUPTION.begin(say_so)

    def listen() -> None:
        for name in _SIGNALS:
            signal.signal(name, INTERRUPTION.ask)

    listen()
    try:
        yield listen
    finally:
        INTERRUPTION.begin(lambda: None)
        for name, handler in before.items():
            signal.signal(name, handler if handler is not None else signal.SIG_DFL)
