"""The command of a sweep with something changed: settings, seeds, `--resume`, `--extend`."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from typing import Literal


def with_settings(command: str, settings: Sequence[str]) -> str | None:
    """Return a command with `key=value` settings, each in place of what it has of that key.

    Options and what stands after `--`, a script's own, stay. None where it is no `ray-bench run`.
    """
    words = _words(command)
    if words is None:
        return None
    at = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    kept, options = words[:at], words[at:]
    for setting in settings:
        kept = _replaced(kept, setting)
    return shlex.join([*kept, *options])


def with_seeds(command: str, seeds: Collection[int], more: int) -> str | None:
    """Return the command that adds so many seeds to a sweep; None where it cannot be told."""
    if not seeds:
        return None
    wanted = sorted(seeds)
    number = 0
    while len(wanted) < len(seeds) + more:
        if number not in seeds:
            wanted.append(number)
        number += 1
    return extended(with_settings(command, [f"seeds=[{','.join(map(str, sorted(wanted)))}]"]))


def resumed(command: str) -> str | None:
    """Return a command with `--resume`; None where it is no `ray-bench run`."""
    return _with_option(command, "--resume")


def extended(command: str | None) -> str | None:
    """Return a command with `--extend`: what an earlier sweep has measured of it is taken over."""
    return None if command is None else _with_option(command, "--extend")


def _with_option(command: str, option: Literal["--resume", "--extend"]) -> str | None:
    words = _words(command)
    if words is None:
        return None
    at = words.index("--") if "--" in words else len(words)
    own = [word for word in words[:at] if word not in ("--resume", "--extend")]
    return shlex.join([*own, option, *words[at:]])


def _replaced(words: Sequence[str], setting: str) -> list[str]:
    """Return words with a setting where its key first was, or at the end."""
    start = f"{setting.partition('=')[0]}="
    kept = [word for word in words if not word.startswith(start)]
    first = next((i for i, word in enumerate(words) if word.startswith(start)), len(kept))
    kept.insert(first, setting)
    return kept


def _words(command: str) -> list[str] | None:
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    return words if words[:2] == ["ray-bench", "run"] else None
