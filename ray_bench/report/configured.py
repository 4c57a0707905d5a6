"""What was set of a sweep's configuration, and the command that measures something more."""

from __future__ import annotations

import json

from ray_bench.analysis.comparison.settings import config_of, flat
from ray_bench.config.schema import SweepConfig
from ray_bench.records import Results
from ray_bench.report.commands import with_settings


def command_with(results: Results, *settings: str) -> str | None:
    """Return the sweep's command with other settings; None where it was not `ray-bench run`."""
    return with_settings(results.sweep.command, settings)


def set_values(config_json: str) -> dict[str, str]:
    """Return the settings that differ from the defaults, by dotted key, as JSON text."""
    defaults = dict(flat(SweepConfig(workload="none").model_dump(mode="json")))
    found = dict(flat(config_of(config_json)))
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in found.items()
        if key not in defaults or value != defaults[key]
    }
