"""Results and reports in which every text of others is hostile."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ray_bench.records import FailureRecord, Results
from ray_bench.report.model import Report, build_report
from tests.network_samples import network_columns
from tests.synthetic import Sync, synthetic

#: Live in HTML, scripts, templates, Markdown, terminals (CSI, OSC 8, C1), Rich, and bidi text.
HOSTILE = (
    "<script>alert(1)</script></script><script>alert(2)</script>"
    "\"'><img src=x onerror=alert(3)><svg onload=alert(4)>--><!--<iframe>]]>"
    "</title></style></pre></textarea>&lt;script&gt; &#60;b&#62;"
    " {{ 7 * 7 }} {% raw %} ${alert(5)} `x` javascript:alert(6)"
    " [a](javascript:alert(7)) ![b](http://evil.example/x.png) <http://evil.example> | c | *d* _e_"
    "\n# f\r\n- g\u2028\u2029\x00\x1b[31m\x1b]8;;http://evil.example\x07h\x9b31m\x7f\u202e\u2066"
    "[bold]i[/bold] \\ \ufeff"
)
#: Their values are looked up: anything else is refused when records are read.
_CHECKED = {
    *("status", "scaling", "lr_rule", "precision", "memory_format", "compile", "compression"),
    *("environment_hash", "bucket_cap", "part"),
}


def hostile_results() -> Results:
    """A sweep with failures, a network and two environments, hostile wherever text may be."""
    results = synthetic(
        (1, 2, 4),
        sync=Sync(),
        failed=lambda n, repeat: (n, repeat) == (2, 0),
        num_missing=1,
        flags=lambda n: ("emulated", HOSTILE),
    )
    lost = FailureRecord(
        run_id=results.ok_runs[0].run_id, part="phases", rank=1, error_type="E",
        error_message="no", error_traceback="trace",
    )  # fmt: skip
    results = dataclasses.replace(results, network=network_columns((2, 4)), failures=(lost,))
    config = json.loads(results.sweep.config_json) | {HOSTILE: [HOSTILE, {HOSTILE: None}]}
    poisoned = _poisoned(results)
    sweep = dataclasses.replace(poisoned.sweep, config_json=json.dumps(config))
    return dataclasses.replace(poisoned, sweep=sweep)


def _poisoned(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        return value if name in _CHECKED else f"{value}{HOSTILE}"
    if isinstance(value, tuple):
        return tuple(_poisoned(x, name) for x in value)
    if isinstance(value, np.ndarray):
        return np.array([f"{x}{HOSTILE}" for x in value], object) if name == "run_id" else value
    if isinstance(value, Mapping):
        return {key: _poisoned(x, key) for key, x in value.items()}
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.init]
        return type(value)(**{x: _poisoned(getattr(value, x), x) for x in names})
    return value


def hostile_report() -> Report:
    """The report of those results."""
    return build_report(hostile_results(), currency=f"EUR{HOSTILE}")
