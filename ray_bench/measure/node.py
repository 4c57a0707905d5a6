"""Which machine a process is on, told apart from others whose host names are the same."""

from __future__ import annotations

import socket
from pathlib import Path


def node_name() -> str:
    """Return the host's name and the id of its boot, where the system has one."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot}".strip()
