"""Which commit of the user's code a run was made with."""

from __future__ import annotations

import functools
import subprocess


@functools.cache
def git_commit() -> str | None:
    """Return the working directory's commit, with `+` when it has changes; None without git."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=True, timeout=5
    )
    return done.stdout.strip()
