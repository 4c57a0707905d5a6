"""Who changed what, when, and what came of it: lines of JSON in the state folder."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from ray_bench.errors import ConfigError

log = logging.getLogger("ray_bench.serve")
_LONGEST = 300


class Audit:
    """Appends a line at a time, so that the file may be moved away while the service runs."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "audit.jsonl"
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            self._append(b"")
        except OSError as err:
            raise ConfigError(
                f"Cannot write to the state folder {state_dir}: {err.strerror}; give another with "
                "--state-dir."
            ) from err

    def write(self, *, who: str, what: str, outcome: int, client: str, more: str = "") -> None:
        """Write a line. One that cannot be written is said in the log; the change is made."""
        line = {
            "at_utc": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": who,
            "client": client,
            "what": what[:_LONGEST],
            "outcome": outcome,
            "more": more[:_LONGEST],
        }
        text = json.dumps(line) + "\n"  # of ASCII only, so that a terminal can show it
        try:
            self._append(text.encode())
        except OSError as err:
            log.error("The audit cannot be written: %s; lost: %s", err.strerror, text.strip())

    def _append(self, line: bytes) -> None:
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)
