"""What a running sweep and the board that has started it tell each other.

The sweep says its id in its log, where the board's jobs have theirs; the board leaves a note in the
results that asks it to begin no further run.
"""

from __future__ import annotations

import os
import re

#: Set by a board for the sweeps that it starts.
VARIABLE = "RAY_BENCH_SAY_SWEEP_ID"
_SAID = re.compile(r"^Sweep (\S+) begins\.$", re.MULTILINE)


class StopAskedError(Exception):
    """A sweep is to begin no further run; it is no failure, and its caller ends it gently."""


def announcement(sweep_id: str) -> str | None:
    """Return what a sweep says when it begins; None where nobody waits for it."""
    return f"Sweep {sweep_id} begins." if os.environ.get(VARIABLE) else None


def announced(log: str) -> str | None:
    """Return the id that the sweep of a log has said; None before it did."""
    found = _SAID.search(log)
    return found[1] if found else None
