"""The settings that a sweep varies: what changes the speed of a step, and not what is trained.

The grid, groups of comparable runs, comparisons, trackers and the report read this table. A new
setting is a field of `records.Point`, a field of the configuration, and an entry here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ray_bench.records import RunRecord

#: Size of a gradient bucket, MiB; auto measures the network and chooses.
Cap = float | Literal["auto"]


def cap_text(cap: Cap) -> str:
    """Return a cap as points keep it."""
    return cap if cap == "auto" else f"{cap:g}"


def cap_of(value: str | float) -> Cap:
    """Return the cap that a point keeps as text, or a configuration as it is.

    Raises:
        ValueError: It is none.
    """
    return "auto" if value == "auto" else float(value)


def accumulation_of(run: RunRecord) -> str:
    """Return how a curve's steps are cut: in a number of micro-batches, or by what fits at once."""
    point = run.point
    if point.max_local_batch_size is None:
        return str(point.num_micro_batches)
    return f"at most {point.max_local_batch_size} samples at once"


def placement_of(run: RunRecord) -> str | None:
    """Return what a curve's points have in common: a strategy, or the workers on each node."""
    if run.point.workers_per_node is None:
        return run.point.placement
    return f"{run.point.workers_per_node} a node"


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting."""

    name: str  # in groups, facts and tables
    key: str  # of the configuration, with dots; people see it
    reference: str  # what is compared against: the plainest way, which is not always the default
    refusal: Literal["precision", "settings", "hardware"]  # kind of difference between two sweeps
    fields: tuple[str, ...] = ()  # of a point that hold it; none: that of its name
    value: Callable[[RunRecord], object] | None = None  # in a group's key; None: the field as it is
    stored: Callable[[Any], Any] = _as_it_is  # of a configured value: what the point keeps
    needs_ddp: bool = False  # means nothing without it
    needs_several: bool = False  # means nothing with one worker
    by_world_size: bool = False  # the configuration has other values for other world sizes

    @property
    def point_fields(self) -> tuple[str, ...]:
        """The fields of a point that hold it."""
        return self.fields or (self.name,)

    def of(self, run: RunRecord) -> object:
        """Return the value of a run, as a group's key has it; None is unknown, or without DDP."""
        return getattr(run.point, self.name) if self.value is None else self.value(run)

    def is_idle(self, run: RunRecord) -> bool:
        """Return whether it makes no difference to a run."""
        point = run.point
        return (self.needs_ddp and not point.is_ddp) or (
            self.needs_several and point.world_size == 1
        )


#: Where workers were asked to be.
PLACEMENT = "placement"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="precision",
        key="precision",
        reference="fp32",
        refusal="precision",
        value=lambda run: run.point.precision or run.found_precision,
    ),
    Setting(name="memory_format", key="memory_format", reference="contiguous", refusal="settings"),
    Setting(
        name="compile",
        key="compile",
        reference="none",
        refusal="settings",
        value=lambda run: run.point.compile or "none",  # older versions could not
    ),
    Setting(
        name="bucket_cap",
        key="ddp.bucket_cap_mb",
        reference="25",
        refusal="settings",
        stored=cap_text,
        needs_ddp=True,
    ),
    Setting(
        name="compression",
        key="ddp.compression",
        reference="none",
        refusal="settings",
        value=lambda run: (run.point.compression or "none") if run.point.is_ddp else None,
        needs_ddp=True,
    ),
    Setting(
        name="accumulate_steps",
        key="accumulate_steps",
        reference="1",
        refusal="settings",
        value=accumulation_of,
    ),
    Setting(
        name=PLACEMENT,
        key="placements",
        reference="pack",
        refusal="hardware",
        fields=("placement", "num_nodes", "workers_per_node"),
        value=placement_of,
        needs_several=True,
        by_world_size=True,
    ),
)


def names() -> tuple[str, ...]:
    """Return the names of all settings."""
    return tuple(x.name for x in SETTINGS)


def setting(name: str) -> Setting:
    """Return the setting of a name."""
    return next(x for x in SETTINGS if x.name == name)


def combinations(config: object) -> tuple[dict[str, Any], ...]:
    """Return every combination of the configured values, by name; those by world size apart."""
    swept = [x for x in SETTINGS if not x.by_world_size]
    values = [_configured(config, x) for x in swept]
    return tuple(
        {x.name: value for x, value in zip(swept, combination, strict=True)}
        for combination in itertools.product(*values)
    )


def point_values(values: Mapping[str, Any], *, is_ddp: bool) -> dict[str, Any]:
    """Return what a point keeps of a combination, by field; nothing of DDP without it."""
    found = {name: (setting(name), value) for name, value in values.items()}
    return {
        name: None if x.needs_ddp and not is_ddp else x.stored(value)
        for name, (x, value) in found.items()
    }


def _configured(config: object, of: Setting) -> tuple[Any, ...]:
    value: Any = config
    for part in of.key.split("."):
        value = getattr(value, part)
    return (of.reference,) if value is None else value
