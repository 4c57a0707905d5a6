"""Types of the configuration's fields: what people write, made into what a program wants."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ray_bench.config.lr_rules import rule_of
from ray_bench.config.placements import normal
from ray_bench.config.settings import Cap
from ray_bench.records import CompileMode


def _number_from_text(value: Any) -> Any:
    """PyYAML reads `1e-3` (no dot) as text; YAML 1.2 and people mean a number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _no_truth(value: Any) -> Any:
    """Pydantic takes `true` for 1; nobody means that."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _text_from_number(value: Any) -> Any:
    """Variables of the environment are text, also where YAML reads a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value


Int = Annotated[int, BeforeValidator(_no_truth)]
Float = Annotated[float, BeforeValidator(_number_from_text), BeforeValidator(_no_truth)]
#: What torch, numpy and a Parquet column can all hold.
Seed = Annotated[int, BeforeValidator(_no_truth), Field(ge=0, lt=2**32)]
EnvText = Annotated[str, BeforeValidator(_text_from_number)]


def _cap(value: Any) -> Any:
    """A number of MiB above 0, or the word `auto`."""
    number = _number_from_text(value)
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    if value != "auto" and not (is_number and 0 < number < math.inf):
        raise ValueError("must be MiB above 0, or auto")
    return "auto" if value == "auto" else float(number)


BucketCap = Annotated[Cap, BeforeValidator(_cap)]


def _compile_mode(value: Any) -> Any:
    """True and false, as people write a switch."""
    return {True: "default", False: "none"}[value] if isinstance(value, bool) else value


Compile = Annotated[CompileMode, BeforeValidator(_compile_mode)]
#: One of Ray's strategies, or NxM.
PlacementName = Annotated[str, BeforeValidator(normal)]


def _rule_name(value: Any) -> Any:
    return rule_of(value).name if isinstance(value, str) else value


#: One of `lr_rules`.
LrRuleName = Annotated[str, BeforeValidator(_rule_name)]


def _absolute(value: Path) -> Path:
    # Ray changes the working directory of its workers.
    return Path(os.path.abspath(value.expanduser()))


Folder = Annotated[Path, AfterValidator(_absolute)]


def listed(value: Any) -> Any:
    """Return a single value as a list of one."""
    return [value] if isinstance(value, int | float | str) else value


def differing(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse a list in which a value stands twice."""
    if len(set(value)) != len(value):
        raise ValueError(f"values must differ, got {list(value)} (use `repeats` to repeat)")
    return value


class Model(BaseModel):
    """A part of the configuration: what it does not know is refused, and nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
