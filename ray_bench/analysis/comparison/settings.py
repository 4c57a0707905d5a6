"""What two configurations differ in, by dotted key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ray_bench.analysis.comparison.facts import Difference
from ray_bench.config import settings
from ray_bench.config.trained import TRAINED

#: Settings that are facts of the runs, which are compared themselves.
_FACTS = (
    *("workload", "scaling", "batch_size", "interleaved", "ddp", "world_sizes"),
    *("workers_per_node", "max_local_batch_size", "clip_grad_norm"),
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
    facts = {*_FACTS, *TRAINED, *(x.key for x in settings.SETTINGS)}
    return tuple(
        Difference(name=name, base=base.get(name), new=new.get(name), is_refused=False, allow=None)
        for name in {**base, **new}
        if base.get(name) != new.get(name) and facts.isdisjoint((name, name.split(".")[0]))
    )


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the settings of nested groups by dotted key."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
