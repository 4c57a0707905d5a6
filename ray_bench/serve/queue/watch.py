"""Watches over one sweep of the local queue, in a session of its own. Run by its path, by `local`.

    python -I watch.py FOLDER PYTHON -m ray_bench run ...

It claims the job, starts the sweep, passes SIGTERM on to it, and writes down how it ended: all that
a service needs that was started later. It knows nothing of ray_bench, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

CLAIM, END, LOG = "begun.json", "ended.json", "log.txt"


def write_new(path: Path, values: Mapping[str, Any]) -> bool:
    """Write a file whole, unless there is one; tell whether it was written."""
    part = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    part.write_text(json.dumps(values), encoding="utf-8")
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink()
    return True


def main(folder: Path, words: Sequence[str]) -> None:
    """Run the command, if nobody else has taken or cancelled the job."""
    now = datetime.now(UTC).isoformat()
    own = psutil.Process()
    claim = {"pid": own.pid, "created_s": own.create_time(), "at_utc": now}
    told: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: object) -> None:
        told.append(number)
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, pass_on)
    if not write_new(folder / CLAIM, claim):
        return
    code = -signal.SIGTERM if told else _run(folder, words, running)
    write_new(folder / END, {"exit_code": code, "at_utc": datetime.now(UTC).isoformat()})


def _run(folder: Path, words: Sequence[str], running: list[subprocess.Popen[bytes]]) -> int:
    with (folder / LOG).open("ab") as log:
        try:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        except OSError as err:
            log.write(f"error: The sweep cannot be started: {err}.\n".encode())
            return 127
        running.append(process)
        return process.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
