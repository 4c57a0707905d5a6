"""Everything that is known of a world size, once: measured ones first, then the forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray_bench.analysis.batches import batch_rows
from ray_bench.analysis.decision.choose import Choice
from ray_bench.analysis.decision.options import Option, Spend
from ray_bench.analysis.predict import Prediction, predictions_at
from ray_bench.analysis.resources import ResourceRow
from ray_bench.analysis.study import Study
from ray_bench.analysis.times import TimeRow, run_time
from ray_bench.records import known
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRow:
    """One world size. None is unknown; of a forecast, what only a measurement tells."""

    world_size: int
    is_measured: bool
    is_claimed: bool  # False: more ranks than cores or GPUs
    crosses_boundary: bool = False  # needs a second node, and no measurement had one
    speedup: Estimate | None = None
    efficiency_frac: Estimate | None = None
    serial_frac: Estimate | None = None
    throughput: Estimate | None = None  # samples/s
    step_s: Estimate | None = None
    run: Spend | None = None  # training and evaluation, start-up left out
    epoch: Spend | None = None  # training alone
    target: Spend | None = None  # to the target accuracy
    with_setup_s: Estimate | None = None  # a run with its start-up
    energy_j: float | None = None  # of a run
    saved_worker_s_per_s: Estimate | None = None  # price of a saved second, against the one before
    best_frac: float | None = None  # probability of being the best choice of all
    best_measured_frac: float | None = None  # the same among those that were measured
    val_frac: Estimate | None = None  # final validation accuracy
    difference_frac: Estimate | None = None  # of it to the baseline's
    memory_bytes: float | None = None  # peak per worker
    local_batch: float | None = None
    global_batch: float | None = None
    lr: float | None = None  # None too where there are several
    num_runs: int | None = None


def size_rows(study: Study) -> tuple[SizeRow, ...]:
    """Return a row for every world size, ascending: measured ones, and the forecast beyond them."""
    measured = [_measured(study, n) for n in study.group.world_sizes]
    return tuple(sorted([*measured, *_forecast(study)], key=lambda x: x.world_size))


def _measured(study: Study, size: int) -> SizeRow:
    at = study.size(size)
    scaling, time, used = at.row, at.time, at.resources
    option = study.decision.option(size)
    accuracy = [x for x in study.accuracy if x.world_size == size]
    runs = study.runs_at(size)
    rates = {run.point.lr for run in runs}
    local = _batches(study).get(size, float(known(runs[0].point.local_batch_size)))
    counted = size in _batches(study)
    return SizeRow(
        world_size=size,
        is_measured=True,
        is_claimed=at.is_clean,
        speedup=None if scaling is None else scaling.speedup,
        efficiency_frac=None if scaling is None else scaling.efficiency_frac,
        serial_frac=None if scaling is None else scaling.serial_frac,
        throughput=None if scaling is None else scaling.throughput,
        step_s=None if time is None else value_of(time.iteration),
        run=_run(study, option, time, used),
        epoch=None if option is None else option.epoch,
        target=None if option is None else option.target,
        with_setup_s=None if time is None else value_of(time.with_setup),
        energy_j=None if used is None else used.energy_j,
        **_choice(study, size),
        val_frac=accuracy[0].val if len(accuracy) == 1 else None,
        difference_frac=accuracy[0].difference if len(accuracy) == 1 else None,
        memory_bytes=None if used is None else used.peak_memory_bytes,
        local_batch=local,
        global_batch=local * size if counted else float(known(runs[0].point.global_batch_size)),
        lr=next(iter(rates)) if len(rates) == 1 else None,
        num_runs=len(runs),
    )


def _run(
    study: Study, option: Option | None, time: TimeRow | None, used: ResourceRow | None
) -> Spend | None:
    """Return what a run takes; of a world size without a claim as it was measured."""
    if option is not None:
        return option.run
    seconds = None if time is None else run_time(time, study.times)
    if seconds is None or used is None or used.worker_s is None:
        return None
    return Spend(time_s=seconds.estimate, worker_s=used.worker_s, energy_j=None)


def _batches(study: Study) -> Mapping[int, float]:
    """Return samples per worker and step as they were counted, where that is not as asked for."""
    return {row.world_size: row.mean for row in batch_rows(study.group.runs)}


def _forecast(study: Study) -> list[SizeRow]:
    if study.fit is None:
        return []
    measured = set(study.group.world_sizes)
    options = {x.world_size: x for x in study.decision.options if not x.is_measured}
    known = {x.world_size: x for x in study.predictions if x.speedup is not None}
    asked = sorted(set(options) - set(known))
    more = predictions_at(asked, study.fit, study.rows, study.scaling, study.batch_size)
    found = [x for x in (*known.values(), *more) if x.world_size not in measured]
    return [
        _predicted(study, x, options.get(x.world_size))
        for x in found
        if x.speedup is not None and x.is_divisible
    ]


def _predicted(study: Study, forecast: Prediction, option: Option | None) -> SizeRow:
    run = None if option is None else option.run
    size = forecast.world_size
    return SizeRow(
        world_size=size,
        is_measured=False,
        is_claimed=True,
        crosses_boundary=forecast.crosses_boundary,
        speedup=forecast.speedup,
        efficiency_frac=forecast.efficiency_frac,
        throughput=forecast.throughput,
        step_s=_step(forecast),
        run=run,
        epoch=None if option is None else option.epoch,
        target=None if option is None else option.target,
        energy_j=None if run is None or run.energy_j is None else run.energy_j.value,
        **_choice(study, size),
        local_batch=forecast.batch_per_worker,
        global_batch=forecast.batch_per_worker * size,
    )


def _step(forecast: Prediction) -> Estimate | None:
    samples = forecast.batch_per_worker * forecast.world_size
    rate = forecast.throughput
    return None if rate is None else rate.mapped(lambda x: samples / x)


def _choice(study: Study, size: int) -> dict[str, Any]:
    decision = study.decision
    wider, choice = decision.wider, decision.choice
    if size in study.throughput and size not in study.clean_sizes:
        # The forecast is of a host with room for it; what stands in this row was measured on none.
        return {"saved_worker_s_per_s": None, "best_frac": None, "best_measured_frac": None}
    point = next((x for x in decision.front if x.world_size == size), None)
    measured = None if choice is wider else choice
    return {
        "saved_worker_s_per_s": None if point is None else point.worker_s_per_s,
        "best_frac": _share(wider, size),
        "best_measured_frac": _share(measured, size),
    }


def _share(choice: Choice | None, size: int) -> float | None:
    return None if choice is None or size not in choice.sizes else choice.share(size)
