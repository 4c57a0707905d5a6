"""What failed, and the part of its traceback that is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ray_bench.records.words import Part

#: Of a traceback its end is kept: that is where the cause is.
MAX_TRACEBACK_CHARS = 8_000
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def kept_traceback(text: str) -> str:
    """Return a traceback as a run keeps it: without colours, and of a long one the end."""
    return _COLOUR.sub("", text).strip()[-MAX_TRACEBACK_CHARS:]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """What failed on one rank: the run, or an extra that it goes without."""

    run_id: str
    part: Part
    rank: int | None  # None: not known, or none of them
    error_type: str
    error_message: str
    error_traceback: str | None  # as `kept_traceback` leaves it
