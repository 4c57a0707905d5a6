"""What a curve is of, in a few words, and what it shows."""

from __future__ import annotations

from ray_bench.analysis.comparison.settings import config_of
from ray_bench.analysis.predict import Prediction
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.records import Results
from ray_bench.report.batch_words import batch_words
from ray_bench.report.cells import estimate
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.script_words import is_scaling_told

#: The forecast is said to bend where a worker is worth less than so much of the first.
_BENT_FRAC = 0.80


def context_words(context: Context) -> tuple[str, ...]:
    """Return workload, scaling, batch, precision, device and date."""
    study = context.study
    precision = study.first.point.precision or study.first.found_precision
    return (
        study.first.point.workload,
        *([f"{study.scaling} scaling"] if is_scaling_told(study) else []),
        batch_words(study),
        *([precision] if precision else []),
        device_words(context),
        *_date(context.results),
    )


def context_without_runs(results: Results) -> tuple[str, ...]:
    """Return what is known of a sweep without a run that can be used."""
    named = str(config_of(results.sweep.config_json).get("workload", "unknown workload"))
    workload = results.runs[0].point.workload if results.runs else named
    return (workload, *_date(results))


def device_words(context: Context) -> str:
    """Return the accelerator as it is called: `CPU`, `2 x NVIDIA H100`."""
    run = context.study.first
    environment = context.results.environments.get(run.environment_hash or "")
    names = () if environment is None else tuple(dict.fromkeys(environment.gpu_names))
    if run.device == "cpu" or not names:
        return (run.device or "unknown device").upper() if run.device else "unknown device"
    return ", ".join(names)


def _date(results: Results) -> tuple[str, ...]:
    made = results.sweep.created_at_utc
    return (f"{made.day} {made:%b %Y}",)


def curve_title(context: Context) -> str:
    """Return what the curve shows, as a finding."""
    clean = context.study.clean_sizes
    rows = [row for row in context.study.rows if row.world_size in clean]
    if not rows:
        return "Nothing here carries a claim: more workers than cores or GPUs"
    if len(rows) == 1:
        return f"One point is no curve: only {workers(rows[0].world_size)} measured"
    words = _measured_words(context, rows[-1])
    if len(rows) == 2:
        return f"{words}; two sizes cannot tell how it goes on"
    return words + _forecast_words(context, rows[-1].world_size)


def _measured_words(context: Context, row: ScalingRow) -> str:
    if row.speedup.high is not None and row.speedup.high < 1:
        return f"{workers(row.world_size)} are slower than {workers(context.study.baseline)}"
    if row.speedup.low is None or row.speedup.contains(1):
        return f"{workers(row.world_size)} are not shown to be faster"
    shown = show(estimate(row.efficiency_frac, "frac")).value
    return f"{workers(row.world_size)} reach {shown} of ideal"


def _forecast_words(context: Context, largest: int) -> str:
    found = [x for x in context.study.predictions if x.world_size > largest and x.efficiency_frac]
    if not found:
        return "; no forecast goes beyond"
    bent = next((x for x in found if _efficiency(x) < _BENT_FRAC), None)
    if bent is None:
        return f"; the forecast stays near it up to {found[-1].world_size}"
    return f"; the forecast bends from {bent.world_size} on"


def _efficiency(prediction: Prediction) -> float:
    return 0.0 if prediction.efficiency_frac is None else prediction.efficiency_frac.value
