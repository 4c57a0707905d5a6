"""Why a sweep made no more repeats, and what its stop rule reached."""

from __future__ import annotations

import json

from ray_bench.records import Results, StopRecord
from ray_bench.report.cells import number
from ray_bench.report.format import show

_REASONS = {
    "narrow_enough": "the interval of every speedup was narrow enough",
    "max_repeats": "stop.max_repeats was reached",
    "budget": "stop.budget_s was spent",
}


def stop_words(stop: StopRecord) -> str:
    """Return why the repeats ended, and the half-width that was reached."""
    wanted = show(number(stop.wanted_half_width_frac, "frac")).value
    reached = "no interval"
    if stop.half_width_frac is not None:
        reached = f"a half-width of {show(number(stop.half_width_frac, 'frac')).value} at worst"
    return (
        f"Repeats ended after {stop.num_repeats}, because {_REASONS.get(stop.reason, stop.reason)}:"
        f" {reached} of a speedup's 95 % interval, {wanted} wanted."
    )


def stop_warning(results: Results) -> tuple[str, str] | None:
    """Return key and sentences where a stop rule did not get what it wanted."""
    stop = results.stop
    if stop is not None and stop.reason != "narrow_enough":
        return "not_narrow", f"{stop_words(stop)} More repeats, or a quieter machine, narrow it."
    if stop is None and _has_rule(results):
        return "stop_rule_open", (
            "The sweep has a stop rule that has not decided yet: it was interrupted, or a world "
            "size has no run that finished. Resume it."
        )
    return None


def _has_rule(results: Results) -> bool:
    try:
        values = json.loads(results.sweep.config_json)
    except ValueError:
        return False
    stop = values.get("stop") if isinstance(values, dict) else None
    return isinstance(stop, dict) and stop.get("half_width") is not None
