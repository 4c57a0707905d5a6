"""A configuration from a YAML file or preset and `key=value` overrides, with errors that teach."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ray_bench.config.groups import WorkloadDefaults
from ray_bench.config.messages import config_error
from ray_bench.config.schema import SweepConfig
from ray_bench.config.yaml12 import Yaml12Loader
from ray_bench.errors import ConfigError

PRESETS = Path(__file__).parent / "presets"


def preset_names() -> tuple[str, ...]:
    """Return the names of the configurations that come with ray_bench."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yaml")))


def load(source: str | None, overrides: Sequence[str] = ()) -> SweepConfig:
    """Return the configuration that was asked for.

    Args:
        source: path of a YAML file, or name of a preset; None starts from nothing.
        overrides: `key=value`, with dots in keys of groups (`data.standin=true`). Values are YAML.
            The last one of a key counts.

    Raises:
        ConfigError: If anything about it is wrong; names the key, the value and what to write.
    """
    values = {} if source is None else _read(source)
    for override in overrides:
        _set(values, override)
    return _validated(values)


def fill_in(config: SweepConfig, defaults: WorkloadDefaults) -> SweepConfig:
    """Return the configuration with its workload's defaults where it is silent.

    Raises:
        ConfigError: If the two do not go together, e.g. a default batch that 3 ranks cannot share.
    """
    try:
        return config.with_defaults(defaults)
    except ValidationError as err:
        raise config_error(err) from err


def _validated(values: Mapping[str, Any]) -> SweepConfig:
    try:
        return SweepConfig.model_validate(values)
    except ValidationError as err:
        raise config_error(err) from err


def _read(source: str) -> dict[str, Any]:
    path = _find(source)
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=Yaml12Loader)
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"Cannot read the configuration {path}: {err}.") from err
    except yaml.YAMLError as err:
        raise ConfigError(f"{path} is not valid YAML: {_where(err)}.") from err
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} must hold `key: value` lines, got {type(values).__name__} {_short(values)}."
        )
    return values


def _find(source: str) -> Path:
    path = Path(source).expanduser()
    if path.is_file():
        return path
    if source in preset_names():
        return PRESETS / f"{source}.yaml"
    close = difflib.get_close_matches(source, [*preset_names(), *_yaml_files()], n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ConfigError(
        f"There is no configuration {source!r}: no such file, and presets are: "
        f"{', '.join(preset_names())}.{hint}"
    )


def _yaml_files() -> list[str]:
    return [path.name for pattern in ("*.yaml", "*.yml") for path in Path().glob(pattern)]


def _where(err: yaml.YAMLError) -> str:
    mark = getattr(err, "problem_mark", None)
    problem = getattr(err, "problem", None) or str(err)
    return problem if mark is None else f"line {mark.line + 1}: {problem}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _set(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"Expected key=value, got {override!r}; e.g. epochs=3.")
    *groups, last = key.split(".")
    for group in groups:
        inner = values.get(group) or {}
        if not isinstance(inner, dict):
            raise ConfigError(f"Cannot set {key!r}: `{group}` is {_short(inner)}, not a group.")
        values[group] = dict(inner)
        values = values[group]
    values[last] = _value(override, text)


def _value(override: str, text: str) -> Any:
    try:
        return yaml.load(text, Loader=Yaml12Loader)
    except yaml.YAMLError as err:
        raise ConfigError(f"The value of {override!r} is not valid YAML: {_where(err)}.") from err
