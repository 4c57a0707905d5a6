"""Somebody else's training as the thing that is measured: its command, and what a point fills in.

`{lr}` in an argument is replaced by the point's learning rate, and so on; `{{lr}}` is the text
`{lr}`. Other braces, as of JSON, stay what they are.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: What can be filled in, with what it is.
FIELDS: Mapping[str, str] = {
    "world_size": "ranks of the run",
    "local_batch_size": "samples of a rank and step, from batch_size",
    "global_batch_size": "samples of a step, from batch_size",
    "lr": "learning rate after the rule",
    "seed": "one of seeds",
    "epochs": "passes over the data",
    "run_dir": "an empty folder of the run on each host, removed at its end",
}
BATCH_FIELDS = frozenset({"local_batch_size", "global_batch_size"})

#: `${HOME}` is somebody else's.
_FIELD = re.compile(r"\{\{([A-Za-z_]\w*)\}\}|(?<!\$)\{([A-Za-z_]\w*)\}")


class ScriptLines(str):
    """What a script has written, on its way to whoever looks; `--quiet` does not show it."""

    __slots__ = ()


def name_of(script: str) -> str:
    """Return what a script is called in results: `train.py`, or `package.train` of a module."""
    return module_of(script) or re.split(r"[\\/]", script.rstrip("/\\"))[-1] or script


def module_of(script: str) -> str | None:
    """Return the module's name of `-m package.train`; None of a file."""
    found = re.fullmatch(r"-m\s+(\S+)", script.strip())
    return found[1] if found else None


def as_written(value: Any) -> Any:
    """Return `{lr}` where YAML has made a group with one empty key of it."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value.values())) in (None, ""):
            return f"{{{next(iter(value))}}}"
        return {key: as_written(inner) for key, inner in value.items()}
    return [as_written(inner) for inner in value] if isinstance(value, list | tuple) else value


def fields_in(value: Any) -> frozenset[str]:
    """Return the names in braces in a text, or in all texts of lists and groups."""
    return frozenset(
        found[2] for text in _texts(value) for found in _FIELD.finditer(text) if found[2]
    )


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """Return a text, or what is made of texts, with its fields filled in.

    A text that is a field and nothing else becomes the value itself: a number stays one.
    """
    if isinstance(value, Mapping):
        return {key: filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(inner, values) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _FIELD.fullmatch(value)
    if whole and whole[2]:
        return values[whole[2]]
    return _FIELD.sub(lambda found: _one(found, values), value)


def words(args: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """Return a script's arguments with their fields filled in."""
    return [_text(filled(arg, values)) for arg in args]


def unknown_field(value: Any) -> str | None:
    """Say which field there is not, and which there are; None where all are known."""
    unknown = sorted(fields_in(value) - set(FIELDS))
    if not unknown:
        return None
    close = difflib.get_close_matches(unknown[0], list(FIELDS), n=1)
    hint = f" Did you mean {{{close[0]}}}?" if close else ""
    known = ", ".join(f"{{{name}}}" for name in FIELDS)
    return (
        f"there is no field {{{unknown[0]}}} to fill in.{hint} There are {known}; "
        f"write {{{{{unknown[0]}}}}} for the braces themselves"
    )


def what_varies(name: str, used: frozenset[str]) -> str:
    """Say what of a sweep reaches a script and what is the script's own."""
    takes = ", ".join(f"{{{field}}}" for field in FIELDS if field in used)
    own = []
    if not used & BATCH_FIELDS:
        own.append("no {local_batch_size}: batch and scaling mode are its own, and are counted")
    if "lr" not in used:
        own.append("no {lr}: rules and rates are its own")
    if "seed" not in used:
        own.append("no {seed}: seeds are its own")
    began = f"{name} takes {takes}." if takes else f"{name} takes no field: only world sizes vary."
    rest = "; ".join(own)
    return f"{began} {rest[0].upper()}{rest[1:]}." if own else began


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def _one(found: re.Match[str], values: Mapping[str, Any]) -> str:
    return f"{{{found[1]}}}" if found[1] else _text(values[found[2]])


def _text(value: Any) -> str:
    # 0.1 * 3 is written as people would: 0.3, and never in more digits than tell it apart.
    return f"{value:.12g}" if isinstance(value, float) else str(value)
