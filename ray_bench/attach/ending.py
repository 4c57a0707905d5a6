"""The end of a script that has been measured for long enough, before its own end."""

from __future__ import annotations


class EarlyEnd(SystemExit):
    """Raised in the script, whose own `finally` runs; exit code 0."""

    def __init__(self) -> None:
        super().__init__(0)
