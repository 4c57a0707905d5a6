"""The fields of the form, made from the models of the configuration."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

from ray_bench.config.describe import describe_keys
from ray_bench.config.schema import SweepConfig
from ray_bench.serve.queue.allowed import keys, open_keys, value_of
from ray_bench.workloads.catalog import BUILTIN

Kind = Literal["choice", "switch", "list", "text"]

#: What the form asks first, each in a place of its own, and how it is called there.
FIRST: Mapping[str, str] = {
    "workload": "Workload",
    "batch_size": "Batch",
    "epochs": "Epochs",
    "scaling": "Scaling",
    "world_sizes": "Workers to measure",
    "repeats": "Runs of each",
    "seeds": "Seeds",
    "lr_rules": "Learning rate",
    "stop.half_width": "When speedups are known to",
}
#: Said in words of its own: what stands after `--` of the command.
_ELSEWHERE = ("script", "args")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A key of the configuration as the form asks for it."""

    key: str
    help: str
    kind: Kind
    default: str  # as it is written in the form; empty: not set
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldGroup:
    """Fields that stand together under "More settings"."""

    title: str
    help: str
    fields: tuple[FormField, ...]


@cache
def fields() -> Mapping[str, FormField]:
    """Return a field for every key, by its dotted name."""
    untouched = SweepConfig(workload="emulated")
    types_of = keys()
    found = {}
    for key in describe_keys():
        kind, options = _kind_of(types_of[key.name])
        if key.name == "workload":
            kind, options = "choice", tuple(BUILTIN)
        found[key.name] = FormField(
            key=key.name,
            help=key.description,
            kind=kind,
            default="" if key.is_required else text_of(value_of(untouched, key.name)),
            options=options,
        )
    return found


def groups(*, allow_code: bool) -> tuple[FieldGroup, ...]:
    """Return all fields that are not asked for first, as the configuration groups them."""
    hidden = set(FIRST) | set(_ELSEWHERE) | (set() if allow_code else open_keys())
    shown = [field for key, field in fields().items() if key not in hidden]
    by_group: dict[str, list[FormField]] = {}
    for field in shown:
        by_group.setdefault(field.key.rpartition(".")[0], []).append(field)
    return tuple(
        FieldGroup(title=_title(name), help=_help(name), fields=tuple(members))
        for name, members in by_group.items()
    )


def text_of(value: Any) -> str:
    """Return a value as the form shows it: `1, 2, 4` of a list, nothing of what is not set."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(text_of(x) for x in value)
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def setting_of(key: str, text: str) -> str:
    """Return `key=value` of what stands in a field; an empty one is not set."""
    text = text.strip()
    field = fields().get(key)
    is_bare = field is not None and field.kind == "list" and not text.startswith("[")
    if not text:
        return f"{key}=[]" if is_bare and field is not None and field.default else f"{key}=null"
    return f"{key}=[{text}]" if is_bare else f"{key}={text}"


def texts_of(config: SweepConfig, of: Iterable[str]) -> dict[str, str]:
    """Return what the fields of some keys hold for a configuration."""
    return {key: text_of(value_of(config, key)) for key in of}


def _title(group: str) -> str:
    return {"": "Training and placing", "ddp": "DDP"}.get(group, group.capitalize())


def _help(group: str) -> str:
    if not group:
        return ""
    model: Any = SweepConfig
    for part in group.split("."):
        model = model.model_fields[part].annotation
    assert issubclass(model, BaseModel)
    return (model.__doc__ or "").strip().partition("\n")[0]


def _kind_of(kind: Any) -> tuple[Kind, tuple[str, ...]]:
    """Return how a type is asked for, and the choices it leaves."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _kind_of(parts[0])
    if origin in (typing.Union, types.UnionType):
        rest = [part for part in parts if part is not type(None)]
        found, options = _kind_of(rest[0]) if len(rest) == 1 else ("text", ())
        return found, options
    if kind is bool:
        return "switch", ("true", "false")
    if origin is Literal:
        return "choice", tuple(map(str, parts))
    return ("list", ()) if origin is tuple else ("text", ())
