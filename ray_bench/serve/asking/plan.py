"""What a sweep would take, by the planner of `ray-bench run --dry-run`, and what stops it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray_bench.config.load import fill_in
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ConfigError, DataError, RefusedError
from ray_bench.records import PlannedRun
from ray_bench.serve.board import JobRequest
from ray_bench.serve.queue.allowed import Refusal, check, refusals_of
from ray_bench.serve.settings import ServeSettings
from ray_bench.store import ResultsStore
from ray_bench.store.labels import Labels
from ray_bench.sweep.request import SweepRequest

if TYPE_CHECKING:
    from ray_bench.sweep.preview import Preview

#: In which two configurations may differ that measure the same points.
_BESIDE = frozenset(
    {
        *("world_sizes", "repeats", "stop", "price_per_worker_hour", "currency", "trackers"),
        *("launch", "placements", "workers_per_node"),
    }
)
_NVIDIA = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeEstimate:
    """All runs of a number of workers; None where nothing alike was measured."""

    world_size: int
    num_runs: int
    low_s: float | None
    high_s: float | None
    low_cost: float | None
    high_cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """What a sweep would take, or what stops it.

    Attributes:
        refusals: What stops it; nothing else is known then.
        config: With its defaults filled in.
        command: The same for a terminal.
        runs: In their order.
        sizes: Ascending by the number of workers.
        low_s: Of all of it, from the start to the end; None where nothing alike was measured.
        low_cost: In the configuration's currency; None without a price, too.
        basis: What the times are from.
        measured: Numbers of workers that other sweeps have measured as asked.
        notes: What the planner says beside.
    """

    refusals: tuple[Refusal, ...] = ()
    config: SweepConfig | None = None
    command: str = ""
    runs: tuple[PlannedRun, ...] = ()
    sizes: tuple[SizeEstimate, ...] = ()
    low_s: float | None = None
    high_s: float | None = None
    low_cost: float | None = None
    high_cost: float | None = None
    basis: tuple[str, ...] = ()
    measured: tuple[int, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def is_taken(self) -> bool:
        """Whether nothing stops it."""
        return not self.refusals


def plan(request: JobRequest, settings: ServeSettings) -> SweepPlan:
    """Return what a sweep would take; nothing is written, and no module of the asker is imported.

    Raises:
        StoreError: If the results cannot be read.
    """
    try:
        config = check(request, settings)
    except RefusedError as err:
        return SweepPlan(refusals=refusals_of(err))
    found = _too_large(config, settings) or _unknown(request.resumed, settings)
    if found is not None:
        return SweepPlan(refusals=(found,))
    asked = SweepRequest(
        request.source,
        request.settings,
        settings.results,
        budget=request.budget,
        script=request.script,
        resume=request.resumed is not None,
        resumed=request.resumed,
        labels=Labels(name=request.name, tags=request.tags, note=request.note),
    )
    from ray_bench.sweep.preview import preview

    notes: list[str] = []
    try:
        seen = preview(asked, notes.append, probe=False, room=lambda _: "")
        _check_rest(asked, seen.config, settings)
    except (ConfigError, DataError) as err:
        return SweepPlan(refusals=refusals_of(err))
    return _planned(asked, seen, tuple(note.removeprefix("note: ") for note in notes))


def _check_rest(asked: SweepRequest, config: SweepConfig, settings: ServeSettings) -> None:
    """Find out now what `ray-bench run` would refuse at its start."""
    from ray_bench.sweep.budget import parse_budget
    from ray_bench.sweep.rounds import check_stop

    check_stop(config)
    if asked.budget is not None:
        parse_budget(asked.budget, config)
    labels = asked.labels
    if settings.address is None:
        _check_data(config)
    store = ResultsStore(settings.results)
    store.check_label("new", name=labels.name, note=labels.note, added=labels.tags)


def _check_data(config: SweepConfig) -> None:
    """Find the data set on this machine, where the sweep will run."""
    from ray_bench.workloads.catalog import BUILTIN
    from ray_bench.workloads.datasets import locate

    info = BUILTIN.get(config.workload)
    if config.target is None and info is not None and info.dataset is not None:
        locate(info.dataset, config.data)


def _too_large(config: SweepConfig, settings: ServeSettings) -> Refusal | None:
    """Return why this machine can never run it; a cluster says so itself, as it may grow."""
    if settings.address is not None:
        return None
    most, have = max(config.world_sizes), places(config)
    if most <= have:
        return None
    kind = f"{most} GPUs" if config.use_gpu else f"{config.cpus_per_worker * most:g} CPUs"
    own = f"{num_gpus()} GPUs" if config.use_gpu else f"{num_cpus()} CPUs"
    return Refusal("world_sizes", f"{most} workers need {kind}; this machine has {own}.")


def _unknown(sweep_id: str | None, settings: ServeSettings) -> Refusal | None:
    """Return that there is no such sweep: the start of an id means one elsewhere, and not here."""
    if sweep_id is None:
        return None
    known = ResultsStore(settings.results).sweep(sweep_id)
    return None if known is not None else Refusal(None, f"There is no sweep {sweep_id!r} here.")


def places(config: SweepConfig) -> int:
    """Return how many workers this machine has room for."""
    on_gpus = config.use_gpu or (config.use_gpu is None and num_gpus() >= max(config.world_sizes))
    return num_gpus() if on_gpus else int(num_cpus() / config.cpus_per_worker)


def num_cpus() -> int:
    """Return the CPUs that Ray would find on this machine."""
    return os.cpu_count() or 1


def num_gpus() -> int:
    """Return the GPUs that NVIDIA's driver knows on this machine."""
    return len(list(_NVIDIA.iterdir())) if _NVIDIA.is_dir() else 0


def _planned(asked: SweepRequest, seen: Preview, notes: tuple[str, ...]) -> SweepPlan:
    cost, total = seen.cost, seen.total
    return SweepPlan(
        config=seen.config,
        command=asked.command(resume=asked.resume),
        runs=seen.plan.todo,
        sizes=_by_size(seen),
        low_s=None if total is None else total.low_s,
        high_s=None if total is None else total.high_s,
        low_cost=None if cost is None else cost[0],
        high_cost=None if cost is None else cost[1],
        basis=tuple(sorted({time.basis for time in seen.times if time is not None})),
        measured=() if asked.resume else _measured(seen, ResultsStore(asked.results)),
        notes=notes,
    )


def _by_size(seen: Preview) -> tuple[SizeEstimate, ...]:
    counts = Counter(run.point.world_size for run in seen.plan.todo)
    price = seen.config.price_per_worker_hour
    found = []
    for size, count in sorted(counts.items()):
        times = [
            time
            for run, time in zip(seen.plan.todo, seen.times, strict=True)
            if run.point.world_size == size
        ]
        known = [time.seconds for time in times if time is not None]
        is_known = len(known) == len(times)
        low = sum(x.low_s for x in known) if is_known else None
        high = sum(x.high_s for x in known) if is_known else None
        rate = size / 3600 * price if price else None
        found.append(
            SizeEstimate(
                world_size=size,
                num_runs=count,
                low_s=low,
                high_s=high,
                low_cost=None if low is None or rate is None else low * rate,
                high_cost=None if high is None or rate is None else high * rate,
            )
        )
    return tuple(found)


def _measured(seen: Preview, store: ResultsStore) -> tuple[int, ...]:
    """Return the numbers of workers of which enough runs are finished, configured just alike."""
    if seen.config.interleaved or seen.config.target is not None:
        return ()
    wanted = _told(seen.config)
    alike = [x for x in store.sweeps() if _told_of(x.config_json, seen.config.workload) == wanted]
    done: Counter[str] = Counter()
    for sweep in alike[-10:]:
        done.update(run.point.point_id for run in store.runs(sweep.sweep_id) if run.is_finished)
    missing: set[int] = set()
    for point, count in Counter(run.point for run in seen.plan.todo).items():
        if done[point.point_id] < min(count, seen.config.repeats):
            missing.add(point.world_size)
    return tuple(x for x in sorted(set(seen.config.world_sizes)) if x not in missing)


def _told(config: SweepConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude=set(_BESIDE))


def _told_of(config_json: str, workload: str) -> dict[str, Any] | None:
    """Return the same of a stored configuration, of whatever version; None of another workload."""
    from ray_bench.workloads.catalog import BUILTIN

    try:
        values = json.loads(config_json)
        if not isinstance(values, dict) or values.get("workload") != workload:
            return None
        return _told(fill_in(SweepConfig.model_validate(values), BUILTIN[workload].defaults))
    except (ValueError, KeyError):  # of a version that is not understood, or a workload of its own
        return None


def how_many(refusals: Sequence[Refusal]) -> str:
    """Return how many things stop a sweep, in words."""
    words = ("Nothing stops", "One thing stops", "Two things stop", "Three things stop")
    count = len(refusals)
    return f"{words[count] if count < len(words) else f'{count} things stop'} this sweep"
