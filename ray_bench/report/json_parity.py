"""The part of the report's JSON schema that is about parity."""

from __future__ import annotations

from typing import Any, get_args

from ray_bench.analysis.parity.compare import Quantity
from ray_bench.analysis.parity.mlperf import RcpVerdict
from ray_bench.analysis.parity.study import Verdict

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SIZE: Schema = {"type": "integer", "minimum": 1}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_CELL: Schema = {"$ref": "#/$defs/cell"}


def parity_schema() -> Schema:
    """Return the schema of one curve's entry."""
    return _object(
        {
            "curve": {**_TEXT_OR_NULL, "description": "which of several curves"},
            "reference_size": {**_SIZE, "description": "world size of the baseline"},
            "target": {**_TEXT_OR_NULL, "description": "as it is written: accuracy>=0.9"},
            "says": {"type": "array", "items": _TEXT},
            "rows": {"type": "array", "items": {"$ref": "#/$defs/verdict"}},
            "reference_convergence": {
                "type": "array",
                "items": {"$ref": "#/$defs/reference_verdict"},
                "description": "MLPerf's test on epochs to the target",
            },
        }
    )


def verdict_schema() -> Schema:
    """Return the schema of one quantity of a world size and rule."""
    counts = ("num_seeds", "num_diverged", "num_stopped", "num_not_reached")
    worse = "seeds beyond the margin, diverged ones included; null: of samples"
    return _object(
        {
            "quantity": {"enum": list(get_args(Quantity)), "description": "samples: to the target"},
            "world_size": _SIZE,
            "lr_rule": {
                **_TEXT,
                "description": "with / between them where several are one training",
            },
            "lr_rules": {"type": "array", "items": _TEXT},
            "verdict": {"enum": list(get_args(Verdict))},
            "effect": {**_CELL, "description": "against the baseline, its interval by itself"},
            "margin": {**_CELL, "description": "up to which a difference is none"},
            "p_equivalent": {**_SHARE, "description": "held over all rows of the quantity"},
            "p_different": {**_SHARE, "description": "held over all rows of the quantity"},
            **dict.fromkeys((*counts, "num_reference_diverged"), _COUNT),
            "num_worse": {"type": ["integer", "null"], "minimum": 0, "description": worse},
            "more_seeds": {"type": ["integer", "null"], "description": "that are missing"},
        }
    )


def reference_schema() -> Schema:
    """Return the schema of MLPerf's test of a world size and rule."""
    counts = ("num_runs", "wanted_runs", "num_reference_runs", "wanted_reference_runs")
    means = ("mean_epochs", "reference_mean_epochs", "least_mean_epochs")
    return _object(
        {
            "world_size": _SIZE,
            "lr_rule": _TEXT,
            "verdict": {"enum": list(get_args(RcpVerdict))},
            **dict.fromkeys(counts, _COUNT),
            **dict.fromkeys(means, _CELL),
        }
    )


def _object(properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}
