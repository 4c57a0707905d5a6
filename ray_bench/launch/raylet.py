"""Which Python a cluster's Ray runs with, read off the dashboard's page of nodes."""

from __future__ import annotations

from typing import Any

_FLAG = "--python_worker_command="


def python_of_raylet(answer: Any) -> str | None:
    """Return the interpreter of the head's workers; None if the answer does not tell.

    Args:
        answer: of `GET /nodes?view=summary`. Ray starts its raylet with the command that starts a
            worker, and shows the raylet's command line.
    """
    words = [word for node in _heads(answer) for word in node.get("cmdline") or ()]
    commands = [word.removeprefix(_FLAG) for word in words if word.startswith(_FLAG)]
    return _first_word(commands[0]) if commands else None


def knows_itself(answer: Any) -> bool:
    """Return whether the head's agent has reported; it takes seconds after `ray start`."""
    return any("cmdline" in node for node in _heads(answer))


def _heads(answer: Any) -> list[dict[str, Any]]:
    try:
        return [node for node in answer["data"]["summary"] if node["raylet"].get("isHeadNode")]
    except (KeyError, TypeError, AttributeError):
        return []


def _first_word(command: str) -> str | None:
    """Return the program of a command line; a path with a space stands in double quotes."""
    quoted = command.startswith('"')
    word = command[1:].partition('"')[0] if quoted else command.partition(" ")[0]
    return word or None
