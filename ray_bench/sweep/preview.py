"""What a sweep would take, before it is made."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import RayBenchError
from ray_bench.records import RunRecord
from ray_bench.store import ResultsStore
from ray_bench.sweep.estimate import Estimates, Range, RunTime, earlier_runs
from ray_bench.sweep.plan import Plan
from ray_bench.sweep.request import SweepRequest
from ray_bench.sweep.requested import requested_plan, resolve
from ray_bench.sweep.run import run_sweep

#: Long enough for a rate: two seconds or 11 steps of them are warm-up.
_PROBE_STEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The runs in their order, each with its expected time where something is known."""

    config: SweepConfig
    plan: Plan
    times: tuple[RunTime | None, ...]  # of plan.todo
    total: Range | None  # of all of it
    fits: str  # whether the cluster can do it, in words

    @property
    def cost(self) -> tuple[float, float] | None:
        """The least and the most money; None without a price or an estimate."""
        price = self.config.price_per_worker_hour
        if not price or self.total is None:
            return None
        hours = [
            (run.point.world_size / 3600, time.seconds)
            for run, time in zip(self.plan.todo, self.times, strict=True)
            if time is not None
        ]
        low = sum(rate * seconds.low_s for rate, seconds in hours) * price
        return low, sum(rate * seconds.high_s for rate, seconds in hours) * price


def preview(
    request: SweepRequest,
    say: Callable[[str], None],
    *,
    probe: bool,
    room: Callable[[SweepConfig], str] | None = None,
) -> Preview:
    """Return what a sweep would take; nothing is written to its results.

    Args:
        request: What is asked for.
        say: Told what the user should know, a sentence at a time.
        probe: Make a short run of 1 worker first, where nothing is known.
        room: Says whether it fits; None asks the cluster, or this machine.
    """
    config = resolve(request.source, request.settings).config
    store = ResultsStore(request.results)
    plan = requested_plan(request, config, store, say)
    runs = earlier_runs(store, config)
    if probe and config.target is not None and config.steps is None:
        say("--probe ends a script after some steps, and this one is to come to its own end.")
    elif probe and Estimates(config, runs).of(plan.planned[0].point) is None:
        say("Nothing alike was measured here before: a short run with 1 worker will tell.")
        runs = probe_run(request, config)
    estimates = Estimates(config, runs)
    points = [run.point for run in plan.todo]
    return Preview(
        config=config,
        plan=plan,
        times=tuple(estimates.of(point) for point in points),
        total=estimates.total(points),
        fits=_fits(config, request.address) if room is None else room(config),
    )


def probe_run(request: SweepRequest, config: SweepConfig) -> list[RunRecord]:
    """Make a short run of 1 worker whose results are thrown away; return it, empty if it failed."""
    steps = min(config.steps or _PROBE_STEPS, _PROBE_STEPS)
    settings = (
        *request.overrides, "world_sizes=[1]", "repeats=1", "epochs=null", f"steps={steps}",
        "stop.half_width=null", "launch.max_concurrent=1", "trackers.tensorboard=false",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="ray_bench-probe-") as folder:
        short = replace(request, overrides=settings, results=folder, resume=False, budget=None)
        sweep = run_sweep(short, _Silent())
        return list(sweep.store.runs(sweep.sweep_id))


def _fits(config: SweepConfig, address: str | None) -> str:
    from ray_bench.launch.fits import fits

    try:
        return fits(config, address)
    except RayBenchError as err:
        return f"It does not fit: {err}"


@final
class _Silent:
    """Looks at nothing."""

    def finished(self, run: RunRecord) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
