"""People who have logged in: kept in memory, gone when the service ends."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from ray_bench.serve.actor import Actor

MAX_AGE_S = 12 * 3600
_MOST = 10_000  # the oldest goes


@dataclass(frozen=True, slots=True)
class Session:
    """One who has logged in, and the token that his changes carry."""

    actor: Actor
    csrf_token: str
    opened_s: float


class Sessions:
    """Sessions by a secret that only the browser keeps; here is its hash."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_hash: OrderedDict[bytes, Session] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, actor: Actor) -> str:
        """Begin a session; returns the secret for the cookie."""
        secret = secrets.token_urlsafe(32)
        session = Session(actor, secrets.token_urlsafe(32), self._clock())
        with self._lock:
            self._by_hash[_hash(secret)] = session
            while len(self._by_hash) > _MOST:
                self._by_hash.popitem(last=False)
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session of a cookie; None if there is none, or it is too old."""
        with self._lock:
            session = self._by_hash.get(_hash(secret))
        is_old = session is not None and self._clock() - session.opened_s > MAX_AGE_S
        return None if is_old else session

    def close(self, secret: str) -> None:
        """End a session, if there is one."""
        with self._lock:
            self._by_hash.pop(_hash(secret), None)


def _hash(secret: str) -> bytes:
    return sha256(secret.encode(errors="replace")).digest()
