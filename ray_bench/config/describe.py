"""Every key of a configuration, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ray_bench.config.schema import SweepConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One thing that can be set."""

    name: str  # dotted
    description: str
    default: str  # as it would be written
    is_required: bool


def describe_keys(model: type[BaseModel] = SweepConfig, prefix: str = "") -> Iterator[Key]:
    """Yield every key, groups opened, in the order of the models."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from describe_keys(field.annotation, f"{prefix}{name}.")
            continue
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        yield Key(
            name=prefix + name,
            description=field.description or "",
            default="not set" if default is None else _written(default),
            is_required=field.is_required(),
        )


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(to_jsonable_python(value))
