"""What a request may ask for: what `ray-bench run` accepts, and no code or path of the asker's own.

A key may be set when its type is closed: numbers, switches and named choices. Of texts only those
that are listed here may, so that a key which comes later is refused until somebody has thought.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from pydantic import BaseModel

from ray_bench.config.load import load, preset_names
from ray_bench.config.rounds import planned_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ConfigError, RayBenchError, RefusedError
from ray_bench.serve.board import JobRequest
from ray_bench.serve.settings import ServeSettings

#: Texts that name neither code nor a place of the file system.
TEXTS = frozenset(
    {
        *("workload", "lr_rules", "placements", "currency"),  # the workload is looked at below
        *("launch.labels", "launch.gpu_type", "metrics.target"),
    }
)
#: Of closed types, and yet: they send runs elsewhere under the names of the service's own account,
#: or fetch files and write them beside the results.
REFUSED = frozenset({"trackers.mlflow", "trackers.wandb", "data.download"})

MAX_SETTINGS, MAX_LETTERS, MAX_WORDS = 300, 2_000, 200
#: Lists in lists of a value; no key has more than two.
_MAX_DEPTH = 20
MAX_RUNS = 2_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REMEDY = "whoever started the service allows it with --allow-code"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What stops a sweep, and the key that has to be changed; None where it is none alone."""

    key: str | None
    text: str


def refusals_of(error: RayBenchError) -> tuple[Refusal, ...]:
    """Return what an error names, one for each line."""
    return tuple(_refusal(line) for line in str(error).splitlines())


@cache
def keys() -> Mapping[str, Any]:
    """Return the type of every key of a configuration, by its dotted name."""
    return dict(_keys(SweepConfig, ""))


@cache
def open_keys() -> frozenset[str]:
    """Return the keys that may be set only where code is allowed."""
    return REFUSED | {k for k, kind in keys().items() if k not in TEXTS and not _is_closed(kind)}


def check(request: JobRequest, settings: ServeSettings) -> SweepConfig:
    """Return the configuration that is asked for, if it may be; nothing is imported or read.

    Raises:
        RefusedError: With a line for each thing that stops it.
    """
    _check_sizes(request)
    if request.source is not None and request.source not in preset_names():
        raise RefusedError(
            f"There is no preset {request.source!r}; there are {', '.join(preset_names())}."
        )
    if request.script and not settings.allow_code:
        raise RefusedError(f"`script` brings code: {_REMEDY}.")
    from ray_bench.sweep.request import script_settings

    for setting in request.settings:
        _check_setting(setting)
    try:
        config = load(request.source, [*request.settings, *script_settings(request.script)])
    except ConfigError as err:
        raise RefusedError(str(err)) from err
    found = [] if settings.allow_code else list(_with_code(config))
    if found:
        raise RefusedError("\n".join(found))
    _check_number(config)
    return config


def _check_sizes(request: JobRequest) -> None:
    texts = [*request.settings, *request.script, *request.tags]
    texts += [x for x in (request.source, request.name, request.note, request.budget) if x]
    texts += [x for x in (request.resumed, request.request_key) if x]
    if len(request.settings) > MAX_SETTINGS or len(request.script) > MAX_WORDS:
        raise RefusedError(
            f"There are {len(request.settings)} settings and {len(request.script)} arguments; at "
            f"most {MAX_SETTINGS} and {MAX_WORDS} are taken."
        )
    for text in texts:
        if len(text) > MAX_LETTERS:
            raise RefusedError(
                f"A text of {len(text)} letters is too long: {text[:40]}...; at most "
                f"{MAX_LETTERS} are taken."
            )
        if "\0" in text or not _is_encodable(text):
            raise RefusedError(f"A text cannot be written down: {text[:40]!r}; leave it out.")
    if request.resumed is not None and _NAME.fullmatch(request.resumed) is None:
        raise RefusedError(f"{request.resumed[:80]!r} is no id of a sweep.")


def _check_setting(setting: str) -> None:
    """Refuse what is no `key=value`, and values that are small here and huge when they are read."""
    key, sign, value = setting.partition("=")
    if not sign or re.fullmatch(r"[a-z_0-9]+(\.[^\s=.]+)*", key) is None:
        raise RefusedError(f"Expected key=value, got {setting[:80]!r}; e.g. epochs=3.")
    depth = 0
    try:
        for event in yaml.parse(value, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise RefusedError(f"`{key}`: a value must not refer to itself with `*`.")
            is_start = isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
            depth += is_start - isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent)
            if depth > _MAX_DEPTH:
                raise RefusedError(f"`{key}`: lists in lists, more than {_MAX_DEPTH}.")
    except yaml.YAMLError as err:
        what = str(getattr(err, "problem", None) or err).splitlines()[0]
        raise RefusedError(f"`{key}`: {value[:60]!r} is not valid YAML: {what}.") from err
    except RecursionError:
        raise RefusedError(f"`{key}`: lists in lists, more than {_MAX_DEPTH}.") from None


def _with_code(config: SweepConfig) -> Iterator[str]:
    """Yield what a configuration has that may be set only where code is allowed."""
    from ray_bench.workloads.catalog import BUILTIN

    if config.target is None and config.workload not in BUILTIN:
        yield (
            f"`workload`: {config.workload[:80]!r} is none of ray_bench's own, and one of your own "
            f"brings code: {_REMEDY}. There are {', '.join(BUILTIN)}."
        )
    for key in sorted(open_keys()):
        if value_of(config, key) != value_of(_untouched(), key):
            yield f"`{key}` reaches code, files or accounts of the service: {_REMEDY}."


@cache
def _untouched() -> SweepConfig:
    return SweepConfig(workload="emulated")


def value_of(config: SweepConfig, key: str) -> Any:
    """Return the value of a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _check_number(config: SweepConfig) -> None:
    sizes = (config.world_sizes, config.lr_rules, config.seeds, config.settings)
    places = len(config.placements or ()) + len(config.workers_per_node or ())
    most = math.prod(len(x) for x in sizes) * max(1, places)
    repeats = config.ladder.rounds if config.interleaved else config.repeats
    if most * repeats > MAX_RUNS and (most > MAX_RUNS or _num_runs(config) > MAX_RUNS):
        raise RefusedError(
            f"`repeats`: these are {most * repeats} runs; from here at most {MAX_RUNS} are taken. "
            "Give fewer, or use `ray-bench run`."
        )


def _num_runs(config: SweepConfig) -> int:
    """Return how many runs it is; where defaults are needed, the product that is asked for."""
    if config.batch_size is None or config.lr is None:
        return MAX_RUNS + 1
    return len(planned_runs(config))


def _refusal(line: str) -> Refusal:
    """Return a line of an error with the key that it names first."""
    known = keys()
    words = (word.partition("[")[0] for word in re.findall(r"[a-z_][a-z_0-9.\[\]]*", line))
    key = next((w.rstrip(".") for w in words if w.rstrip(".") in known), None)
    return Refusal(key, line)


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field.annotation


def _is_closed(kind: Any) -> bool:
    """Return whether a type has no texts but those that it names."""
    if kind in (int, float, bool, type(None), Ellipsis):
        return True
    origin = typing.get_origin(kind)
    if origin is typing.Literal:
        return True
    if origin is typing.Annotated:
        return _is_closed(typing.get_args(kind)[0])
    if origin in (typing.Union, types.UnionType, tuple):
        return all(_is_closed(part) for part in typing.get_args(kind))
    return False


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def named(refusals: Sequence[Refusal]) -> dict[str, list[str]]:
    """Return what stops a sweep, by the key that has to be changed."""
    found: dict[str, list[str]] = {}
    for refusal in refusals:
        if refusal.key is not None:
            found.setdefault(refusal.key, []).append(refusal.text)
    return found
