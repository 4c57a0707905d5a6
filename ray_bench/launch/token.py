"""The token of Ray's token authentication: who can read it. Does not import Ray."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def token_file() -> Path | None:
    """Return the file that Ray reads the token from; None if it is not read from one."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return None
    given = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(given) if given else Path.home() / ".ray" / "auth_token"
    return path if path.is_file() else None


def readable_by_others() -> str | None:
    """Return a warning if others on this machine can read the token, else None.

    Ray itself writes the file with the user's umask, which mostly lets everybody read it.
    """
    path = token_file()
    if path is None or os.name != "posix" or not path.stat().st_mode & _OTHERS:
        return None
    return (
        "Others on this machine can read the cluster's token, and run code on the cluster with it. "
        f"Run: chmod 600 {shlex.quote(str(path))}"
    )
