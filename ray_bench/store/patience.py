"""Bear an object store that is away for a while, and say so."""

from __future__ import annotations

import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar, final

from ray_bench.errors import ConfigError
from ray_bench.store.threads import call_in_thread

T = TypeVar("T")
Say = Callable[[str], None]

VARIABLE = "RAY_BENCH_STORE_PATIENCE_S"
DEFAULT_S = 180.0
#: One try ends after that at the latest: the client's own time-outs are below it.
TRY_S = 30.0
#: Waiting doubles from the first to the longest. Half of it is drawn: many programs must not all
#: come back at once.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
_SAY_EVERY_S = 30.0

#: What heals by waiting, in the words of pyarrow's clients of S3 and GCS. Everything else is final:
#: no such bucket, no permission, a name that cannot be.
_PASSING = re.compile(
    r"NETWORK_CONNECTION|SLOW_?DOWN|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|THROTTLING"
    r"|REQUEST_TIMEOUT|REQUEST_LIMIT_EXCEEDED|HTTP status (?:5\d\d|408|429)|curlCode|CURL error"
    r"|Status\((?:UNAVAILABLE|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED|INTERNAL)",
    re.IGNORECASE,
)
_FINAL = re.compile(r"NO_SUCH_BUCKET|ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH")
_SHORT = (
    (re.compile(r"HTTP status (\d+)"), r"\1"),
    (re.compile(r"SLOW_?DOWN|SERVICE_UNAVAILABLE"), "503"),
    (re.compile(r"[Oo]peration too slow|[Tt]imeout was reached|[Tt]imed out"), "no answer"),
    (re.compile(r"curlCode: \d+, ([^;]+)"), r"\1"),
    (re.compile(r"CURL error \[\d+\]=([^\n]+?) error_info"), r"\1"),
)


def patience_s() -> float:
    """Return for how long an operation is tried again, in all.

    Raises:
        ConfigError: If the environment variable is no number of seconds.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return DEFAULT_S
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e6:
        raise ConfigError(f"{VARIABLE} has to be seconds, 0 or more; got {text!r}.")
    return value


def is_passing(error: OSError) -> bool:
    """Tell whether an error of a store may heal by waiting."""
    if isinstance(error, TimeoutError | ConnectionError):
        return True
    text = str(error)
    return bool(_PASSING.search(text)) and not _FINAL.search(text)


def short_reason(error: OSError) -> str:
    """Return why a store cannot be reached, in a few words."""
    text = str(error)
    for pattern, short in _SHORT:
        found = pattern.search(text)
        if found:
            return found.expand(short).strip()
    return text


@final
class Patience:
    """Tries calls to one store again until they succeed, cannot heal, or took too long.

    Args:
        place: what cannot be reached, for people.
        say: told about an outage, now and then, and of its end.
        total_s: for one call, all its tries; None takes the environment's.
    """

    def __init__(self, place: str, *, say: Say | None = None, total_s: float | None = None) -> None:
        self._place = place
        # Without a handler Python's logging writes a warning's text to stderr.
        self._say = say or logging.getLogger(__name__).warning
        self._total_s = patience_s() if total_s is None else total_s
        self._lock = threading.Lock()
        self._said_at_s: float | None = None
        self._has_given_up = False

    def call(self, call: Callable[[], T]) -> T:
        """Return what a call returns in the end.

        A store that was given up on is not waited for again before it has answered once.

        Raises:
            OSError: The last error, if it cannot heal or did not in time.
        """
        end_s = time.monotonic() + (0.0 if self._has_given_up else self._total_s)
        wait_s = FIRST_WAIT_S
        while True:
            try:
                found = call_in_thread(call, TRY_S)
            except OSError as err:
                self._bear(err, end_s)
            else:
                self._recovered()
                return found
            left_s = max(0.0, end_s - time.monotonic())
            time.sleep(min(wait_s * random.uniform(0.5, 1.0), left_s))
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _bear(self, error: OSError, end_s: float) -> None:
        if not is_passing(error):
            raise error
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            self._has_given_up = True
            raise error
        with self._lock:
            now_s = time.monotonic()
            if self._said_at_s is not None and now_s - self._said_at_s < _SAY_EVERY_S:
                return
            self._said_at_s = now_s
        self._say(
            f"{self._place} cannot be reached ({short_reason(error)}); "
            f"trying again for {left_s:.0f} s more"
        )

    def _recovered(self) -> None:
        self._has_given_up = False
        with self._lock:
            was_away, self._said_at_s = self._said_at_s is not None, None
        if was_away:
            self._say(f"{self._place} can be reached again")
