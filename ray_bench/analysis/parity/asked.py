"""The target that was asked for, of a report or of its sweep, and whether it can be judged."""

from __future__ import annotations

from ray_bench.analysis.comparison.settings import config_of
from ray_bench.analysis.parity.history import History, histories_of, known_metrics
from ray_bench.config.metric_target import NAMES, MetricTarget, is_share, parse_target
from ray_bench.errors import ConfigError
from ray_bench.records import Results

_TWO_NAMES = 2


def asked_target(results: Results, target: str | float | None = None) -> MetricTarget | None:
    """Return the target to decide for; None where none was asked for.

    Args:
        results: One sweep; its own `metrics.target` counts where no other is given, and where a
            run has told the metric: `unmet_target` says why it does not.
        target: Such as `accuracy>=0.9`, or 0.9.

    Raises:
        ConfigError: A given one cannot be read, or no run has told its metric.
    """
    if target is None:
        own = configured_target(results)
        return None if own is None or complaint(results, own) is not None else own
    found = parse_target(str(target))
    unknown = complaint(results, found)
    if unknown is not None:
        raise ConfigError(unknown)
    return found


def configured_target(results: Results) -> MetricTarget | None:
    """Return the target of the sweep's configuration."""
    values = config_of(results.sweep.config_json).get("metrics")
    text = values.get("target") if isinstance(values, dict) else None
    return parse_target(text) if isinstance(text, str) else None


def complaint(results: Results, target: MetricTarget) -> str | None:
    """Say why a target cannot be judged, and what to do; None where it can, or nothing has run."""
    runs = list(histories_of(results).values())
    if not results.ok_runs or any(x.values(target) is not None for x in runs):
        return None
    told = known_metrics(runs)
    if not told:
        return (
            f"The target {str(target)!r} cannot be judged: no run was evaluated. Give the workload "
            "an `evaluate` and set evaluation.every_samples=10000, or let a script call "
            "ray_bench.log(val_accuracy=0.93)."
        )
    if _is_percent(runs, target):
        return (
            f"The target {str(target)!r} is a share, and runs told {target.metric} in percent; let "
            "the script tell it between 0 and 1."
        )
    names = ", ".join(" or ".join([name, *NAMES.get(name, ())[:_TWO_NAMES]]) for name in told)
    return f"No run has told the metric {target.metric!r}; there is {names}."


def _is_percent(runs: list[History], target: MetricTarget) -> bool:
    return is_share(target.metric) and any(target.metric in x.metrics for x in runs)
