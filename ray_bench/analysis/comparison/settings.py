"""What two configurations differ in, by dotted key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ray_bench.analysis.comparison.facts import Difference

#: Settings that are facts of the runs, which are compared themselves.
_FACTS = (
    *("workload", "scaling", "batch_size", "precision", "interleaved", "ddp", "world_sizes"),
    *("placements", "workers_per_node"),
    *("accumulate_steps", "max_local_batch_size", "clip_grad_norm"),
)


def config_of(config_json: str) -> dict[str, Any]:
    """Return a sweep's configuration, empty where it cannot be read."""
    try:
        values = json.loads(config_json)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def setting_differences(base_json: str, new_json: str) -> tuple[Difference, ...]:
    """Return the settings that differ, by dotted key, those apart that are facts of the runs."""
    base, new = (dict(flat(config_of(text))) for text in (base_json, new_json))
    return tuple(
        Difference(name=name, base=base.get(name), new=new.get(name), is_refused=False, allow=None)
        for name in {**base, **new}
        if base.get(name) != new.get(name) and name.split(".")[0] not in _FACTS
    )


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the settings of nested groups by dotted key."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
