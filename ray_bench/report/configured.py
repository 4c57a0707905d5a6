"""The command that measures something more of a sweep."""

from __future__ import annotations

import shlex

from ray_bench.records import Results


def command_with(results: Results, *settings: str) -> str | None:
    """Return the sweep's command with other settings; None where it was not `ray-bench run`."""
    command = results.sweep.command
    if not command.startswith("ray-bench run "):
        return None
    return f"{command} {shlex.join(settings)}"
