"""How often something may be done: a bucket for each who does it, that fills with time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST = 10_000  # who was not seen for longest is forgotten


class Buckets:
    """Allows `per_minute` in a burst, and as many a minute in the long run."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, at which time
        self._lock = threading.Lock()

    def wait_s(self, who: str, *, take: bool = True) -> float:
        """Take one, or only look; returns 0, or how long to wait when nothing is left."""
        with self._lock:
            now_s = self._clock()
            left, then_s = self._left.pop(who, (float(self._per_minute), now_s))
            left = min(self._per_minute, left + (now_s - then_s) * self._per_minute / 60)
            is_full = left < 1
            self._left[who] = (left - 1 if take and not is_full else left, now_s)
            while len(self._left) > _MOST:
                self._left.popitem(last=False)
        return (1 - left) * 60 / self._per_minute if is_full else 0.0
