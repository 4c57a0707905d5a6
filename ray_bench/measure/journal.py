"""What a rank measures, a JSON line each, in a file of its own; a kill loses at most a line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, final

FORMAT_VERSION = 1


@final
class Journal:
    """The file of a rank; made with the first line. Other processes of the script write nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = os.getpid()
        self._number: int | None = None

    def write(self, kind: str, **values: Any) -> None:
        """Add a line."""
        if os.getpid() != self._pid:  # a loader's process, forked with everything in it
            return
        if self._number is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._number = os.open(self.path, flags, 0o600)
        line = json.dumps({"kind": kind, **values}, default=str)
        os.write(self._number, f"{line}\n".encode())

    def close(self) -> None:
        """Nothing more is written."""
        if self._number is not None and os.getpid() == self._pid:
            os.close(self._number)
        self._number = None


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal; one that was cut off by a kill is left out."""
    whole = path.read_text(errors="replace").split("\n")[:-1]
    return [json.loads(line) for line in whole]
