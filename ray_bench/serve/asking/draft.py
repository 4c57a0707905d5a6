"""A sweep that is being asked for: what stands in the form, and the request that it comes to."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal

from pydantic import ValidationError

from ray_bench.config.load import load, preset_names
from ray_bench.config.schema import SweepConfig
from ray_bench.config.secrets import MASK
from ray_bench.errors import ConfigError
from ray_bench.records import SweepRecord
from ray_bench.serve.asking.fields import fields, setting_of, text_of, texts_of
from ray_bench.serve.board import JobRequest
from ray_bench.serve.queue.allowed import open_keys, value_of
from ray_bench.workloads.catalog import BUILTIN

Stop = Literal["all", "half_width", "budget"]
#: What the form offers as boxes; others are written beside them.
SIZES = (1, 2, 4, 8, 16, 32, 64)
#: Of a key in the names of the form's fields.
_PREFIX = "k."


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What stands in the form.

    Attributes:
        source: The preset that it began with; None: nothing, or another sweep.
        origin: Id of the sweep that it began with.
        texts: What the fields hold, by key; those that are left out hold what the source says.
        stop: When the sweep ends.
        minutes: The budget.
        script: What stands after `--`, as it is typed in a shell.
        left_out: Keys of the sweep that it began with that may not be set from here.
    """

    source: str | None = None
    origin: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    stop: Stop = "all"
    minutes: str = "20"
    script: str = ""
    name: str = ""
    tags: str = ""
    note: str = ""
    request_key: str = field(default_factory=lambda: uuid.uuid4().hex)
    left_out: tuple[str, ...] = ()

    def text(self, key: str) -> str:
        """Return what a field holds."""
        return self.texts.get(key, base_texts(self.source).get(key, ""))

    @property
    def changed(self) -> tuple[str, ...]:
        """Keys whose fields hold something else than the source says."""
        base = base_texts(self.source)
        return tuple(k for k, x in self.texts.items() if _plain(x) != _plain(base.get(k, "")))

    @property
    def half_width_percent(self) -> str:
        """Of the stop rule, as people say it."""
        try:
            return f"{100 * float(self.text('stop.half_width')):g}"
        except ValueError:
            return self.text("stop.half_width") or "2"

    @property
    def sizes(self) -> tuple[str, ...]:
        """The numbers of workers that stand in the form."""
        return tuple(x for x in re.split(r"[\s,\[\]]+", self.text("world_sizes")) if x)

    @property
    def more_sizes(self) -> str:
        """Those that have no box of their own."""
        return ", ".join(x for x in self.sizes if x not in map(str, SIZES))

    def with_sizes(self, sizes: Sequence[int]) -> Draft:
        """Return the same with other numbers of workers."""
        return replace(self, texts={**self.texts, "world_sizes": ", ".join(map(str, sizes))})

    def request(self) -> JobRequest:
        """Return what it asks for.

        Raises:
            ConfigError: If the script's line has an open quotation mark.
        """
        try:
            script = tuple(shlex.split(self.script))
        except ValueError as err:
            raise ConfigError(f"`script`: {err} in {self.script[:80]!r}.") from err
        return JobRequest(
            source=self.source,
            settings=tuple(setting_of(key, self.texts[key]) for key in self.changed),
            script=script,
            name=self.name.strip() or None,
            tags=tuple(x for x in re.split(r"[\s,]+", self.tags) if x),
            note=self.note.strip() or None,
            budget=f"{self.minutes.strip()}min" if self.stop == "budget" else None,
            request_key=self.request_key,
        )


@cache
def base_texts(source: str | None) -> Mapping[str, str]:
    """Return what the fields hold before anything is changed."""
    if source is None or source not in preset_names():
        return {key: one.default for key, one in fields().items()}
    return texts_of(load(source), fields())


def draft_of_preset(name: str) -> Draft:
    """Return the form of a preset.

    Raises:
        ConfigError: If there is none of this name.
    """
    if name not in preset_names():
        raise ConfigError(f"There is no preset {name!r}; there are {', '.join(preset_names())}.")
    stop: Stop = "half_width" if base_texts(name)["stop.half_width"] else "all"
    return Draft(source=name, stop=stop)


def draft_of_sweep(sweep: SweepRecord, *, allow_code: bool) -> Draft:
    """Return the form of another sweep's settings, without what may not be set from here.

    Raises:
        ConfigError: If its configuration is of a version that is not understood.
    """
    config, left_out = shown_config(sweep, allow_code=allow_code)
    base = base_texts(None)
    texts = {k: x for k, x in texts_of(config, fields()).items() if x != base[k]}
    texts = {k: x for k, x in texts.items() if k not in left_out}
    script = texts.pop("script", "")
    args = texts.pop("args", "")
    del args
    line = f"{script} {shlex.join(config.args)}".strip() if script else ""
    return Draft(
        origin=sweep.sweep_id,
        texts=texts,
        stop="half_width" if config.stop.half_width is not None else "all",
        script=line,
        left_out=left_out,
    )


def shown_config(sweep: SweepRecord, *, allow_code: bool) -> tuple[SweepConfig, tuple[str, ...]]:
    """Return a stored configuration, and its keys that may not be set from here.

    Raises:
        ConfigError: If it is of a version that is not understood.
    """
    try:
        config = SweepConfig.model_validate(json.loads(sweep.config_json))
    except (ValidationError, ValueError) as err:
        raise ConfigError(
            f"The configuration of sweep {sweep.sweep_id} is not understood by this version; start "
            "from a preset."
        ) from err
    base = SweepConfig(workload="emulated")
    differing = [k for k in fields() if value_of(config, k) != value_of(base, k)]
    masked = {k for k in differing if MASK in text_of(value_of(config, k))}
    closed = set() if allow_code else set(open_keys())
    if not allow_code and config.workload not in BUILTIN:
        closed.add("workload")
    return config, tuple(k for k in differing if k in closed | masked)


def draft_of_form(form: Mapping[str, Sequence[str]]) -> Draft:
    """Return what was sent; fields that the form does not have are not looked at."""
    texts = {
        name.removeprefix(_PREFIX): values[-1]
        for name, values in form.items()
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) in fields()
    }
    if "n" in form or "n_more" in form:
        texts["world_sizes"] = ", ".join(
            x for x in [*form.get("n", ()), _last(form, "n_more")] if x
        )
    stop = _last(form, "stop") or "all"
    if stop == "half_width":
        texts["stop.half_width"] = _share(_last(form, "half_width"))
    elif "stop" in form:
        texts["stop.half_width"] = ""
    return Draft(
        source=_last(form, "source") or None,
        origin=_last(form, "origin") or None,
        texts=texts,
        stop=stop if stop in ("half_width", "budget") else "all",  # type: ignore[arg-type]
        minutes=_last(form, "minutes") or "20",
        script=_last(form, "script"),
        name=_last(form, "name"),
        tags=_last(form, "tags"),
        note=_last(form, "note"),
        request_key=_last(form, "request_key") or uuid.uuid4().hex,
    )


def _last(form: Mapping[str, Sequence[str]], name: str) -> str:
    return form[name][-1] if form.get(name) else ""


def _share(percent: str) -> str:
    """Return `0.02` of `2`; what is no number is left for the configuration to refuse."""
    try:
        return f"{float(percent) / 100:g}"
    except ValueError:
        return percent


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text)
