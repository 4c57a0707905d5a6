"""The target and margins that were asked for, and whether the target can be judged."""

from __future__ import annotations

import math
from dataclasses import fields

from ray_bench.analysis.comparison.settings import config_of
from ray_bench.analysis.parity.compare import Margin
from ray_bench.analysis.parity.history import History, histories_of, known_metrics
from ray_bench.config.metric_target import (
    LOSS,
    NAMES,
    TRAIN_LOSS,
    MetricTarget,
    is_share,
    parse_target,
)
from ray_bench.errors import ConfigError
from ray_bench.records import Results


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
    names = ", ".join(_shown(name) for name in told)
    if target.column == LOSS and TRAIN_LOSS in (x.lower() for x in told):
        return (
            f"The target {str(target)!r} is of the validation loss, and no run has told one: what "
            f"a script tells as 'loss' is its training loss. There is {names}. Let the script call "
            "ray_bench.log(val_loss=0.3)."
        )
    return f"No run has told the metric {target.metric!r}; there is {names}."


def _shown(name: str) -> str:
    """Return what to call a metric that was told: `loss` of a script is not the one of targets."""
    if name.lower() == TRAIN_LOSS:
        return f"{name} (of training)"
    return "val_loss" if name == LOSS else NAMES.get(name, (name,))[0]


def _is_percent(runs: list[History], target: MetricTarget) -> bool:
    return is_share(target.metric) and any(target.metric in x.metrics for x in runs)


def asked_margin(results: Results, text: str | None = None) -> Margin:
    """Return what counts as the same: as given, else as the sweep was configured.

    Args:
        results: One sweep, with `metrics.accuracy_margin_frac` and so on in its configuration.
        text: Such as `accuracy=0.003` or `accuracy=0.3%,loss=1%`.

    Raises:
        ConfigError: It cannot be read, or a margin is not between 0 and 1.
    """
    values = config_of(results.sweep.config_json).get("metrics")
    own = values if isinstance(values, dict) else {}
    names = [x.name for x in fields(Margin)]
    found = {x: own[key] for x in names if (key := x.replace("_frac", "_margin_frac")) in own}
    for part in text.split(",") if text is not None else ():
        name, _, value = (x.strip() for x in part.partition("="))
        if f"{name}_frac" not in names:
            raise ConfigError(f"Cannot read the margin {part.strip()!r}; {_MARGIN_FORM}.")
        found[f"{name}_frac"] = _share(value, part.strip())
    return Margin(**found)


_MARGIN_FORM = "write accuracy=0.005, loss=2% or samples=10%, several with a comma between them"


def _share(text: str, whole: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise ConfigError(f"The margin {whole!r} is not between 0 and 1; {_MARGIN_FORM}.")
    return value
