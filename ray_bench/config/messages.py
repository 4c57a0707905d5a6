"""Pydantic's errors in the user's words."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from ray_bench.config.ddp import INSTEAD
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ConfigError


def config_error(err: ValidationError) -> ConfigError:
    """Return one error with a line for everything that is wrong."""
    items = [dict(item) for item in err.errors(include_url=False)]
    return ConfigError("\n".join(_line(item) for item in items if not _follows(item, items)))


def _follows(item: dict[str, Any], items: list[dict[str, Any]]) -> bool:
    """Return whether a list is only too short because something in it was wrong."""
    loc = item["loc"]
    inside = (other["loc"] for other in items if len(other["loc"]) > len(loc))
    return item["type"] == "too_short" and any(deeper[: len(loc)] == loc for deeper in inside)


def _line(item: dict[str, Any]) -> str:
    loc = item["loc"]
    path = dotted(loc)
    if item["type"] == "extra_forbidden":
        return f"Unknown key `{path}`{_instead(loc) or _elsewhere(loc) or _near(loc)}"
    if item["type"] == "missing":
        return f"`{path}` is not set; write {path}=..., e.g. workload=cnn-digits."
    message = _message(item)
    if not loc:
        return f"{message}."
    got = "" if ", got " in message else f", got {_short(item['input'])}"
    return f"`{path}`: {message}{got}{_hint(item)}"


def dotted(loc: Iterable[int | str]) -> str:
    """Return a path as it is written on the command line, e.g. `world_sizes[1]`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc]
    return "".join(parts).removeprefix(".")


def _message(item: dict[str, Any]) -> str:
    if item["type"] == "model_type":
        return "must be a group of keys"
    if item["type"] == "tuple_type":
        return "must be a list"
    if item["type"] == "too_short":
        return "must have at least one value"
    text = str(item["msg"]).removeprefix("Value error, ")
    return text.replace("Input should be", "must be").rstrip(".")


def _hint(item: dict[str, Any]) -> str:
    value = item["input"]
    if isinstance(value, str) and "," in value and isinstance(item["loc"][-1], int):
        return f". Write a list in brackets: [{value}]."
    if item["type"] == "literal_error" and isinstance(value, str):
        allowed = str(item["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        return _did_you_mean(value, allowed, otherwise=".")
    return "."


def _near(loc: tuple[int | str, ...]) -> str:
    return _did_you_mean(str(loc[-1]), _keys_beside(loc))


def _instead(loc: tuple[int | str, ...]) -> str:
    """Return what to write for an argument of DDP that is no key; empty for other words."""
    words = INSTEAD.get(str(loc[-1])) if loc[:-1] == ("ddp",) else None
    return f": {words}." if words else ""


def _elsewhere(loc: tuple[int | str, ...]) -> str:
    """Return the key of this very name in another group; empty where none has it."""
    groups: dict[str, type[BaseModel]] = {"": SweepConfig, **_groups()}
    found = [
        dotted(x for x in (group, loc[-1]) if x)
        for group, model in groups.items()
        if loc[-1] in model.model_fields
    ]
    return f". Did you mean `{'` or `'.join(found)}`?" if found else ""


def _groups() -> dict[str, type[BaseModel]]:
    annotations = {name: field.annotation for name, field in SweepConfig.model_fields.items()}
    return {
        name: kind
        for name, kind in annotations.items()
        if isinstance(kind, type) and issubclass(kind, BaseModel)
    }


def _did_you_mean(word: str, known: list[str], otherwise: str | None = None) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f". Did you mean `{close[0]}`?"
    return f". Keys here: {', '.join(known)}." if otherwise is None else otherwise


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = SweepConfig
    for part in loc[:-1]:
        annotation = model.model_fields[str(part)].annotation
        model = typing.cast("type[BaseModel]", annotation)
    return list(model.model_fields)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
