"""What of a configuration decides how weights are changed, beside the batch and the rate rule.

Runs of one sweep share it; sweeps that differ in it are compared on request alone. A point holds
what is swept (`settings`), and the norm at which gradients are clipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ray_bench.config.training import OptimizerConfig, ScheduleConfig

#: By dotted key, with what it was before the key was there.
TRAINED: Mapping[str, object] = {
    **{
        f"optimizer.{name}": value
        for name, value in OptimizerConfig(name="sgd").model_dump(mode="json").items()
    },
    **{
        f"schedule.{name}": value
        for name, value in ScheduleConfig(name="constant").model_dump(mode="json").items()
    },
    "label_smoothing": 0.0,
    "batch_norm": "per_worker",
    "data.cutout": 0,
}


def trained(config: Mapping[str, Any]) -> dict[str, object]:
    """Return it of a stored configuration, by dotted key; nothing of one that cannot be read."""
    return dict(_values(config)) if config else {}


def _values(config: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, before in TRAINED.items():
        group, _, name = key.rpartition(".")
        held = config.get(group) if group else config
        value = held.get(name, before) if isinstance(held, Mapping) else before
        if value is None and name == "name":  # not set, it was that
            value = before
        yield key, tuple(value) if isinstance(value, list) else value
