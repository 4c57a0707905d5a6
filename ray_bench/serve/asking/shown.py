"""The estimate and the form's hints in words."""

from __future__ import annotations

from dataclasses import dataclass

from ray_bench.errors import ConfigError
from ray_bench.report.cells import Cell
from ray_bench.report.format import show
from ray_bench.serve.asking.draft import Draft
from ray_bench.serve.asking.plan import SizeEstimate, SweepPlan, num_cpus, num_gpus, places
from ray_bench.serve.live.words import rough
from ray_bench.serve.queue.allowed import check
from ray_bench.serve.settings import ServeSettings
from ray_bench.sweep.progress import as_duration
from ray_bench.workloads.catalog import BUILTIN

#: Every box is offered where it is not known how many workers there is room for.
_ANY = 10**9


@dataclass(frozen=True, slots=True)
class SizeShown:
    """A row of the estimate; the lengths are of 1000."""

    size: int
    num_runs: int
    time: str
    cost: str
    low: float | None
    middle: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanShown:
    """A plan in words; empty where there is nothing to say."""

    time: str = ""
    time_words: str = ""
    cost: str = ""
    cost_words: str = ""
    runs: str = ""
    sizes: tuple[SizeShown, ...] = ()
    has_cost: bool = False
    currency: str = ""
    basis: str = ""
    measured: str = ""
    rest: str = ""
    rest_sizes: str = ""


def shown(plan: SweepPlan) -> PlanShown:
    """Return a plan in words."""
    config = plan.config
    if config is None:
        return PlanShown()
    price = config.price_per_worker_hour
    rest = [x for x in sorted(set(config.world_sizes)) if x not in plan.measured]
    return PlanShown(
        time=_times(plan.low_s, plan.high_s),
        time_words=_time_words(plan),
        cost=_money(plan.low_cost, plan.high_cost, config.currency),
        cost_words=f"{price:g} {config.currency} per worker and hour"
        if price
        else "Set price_per_worker_hour to see what it costs.",
        runs=_runs(plan),
        sizes=_sizes(plan.sizes),
        has_cost=any(x.low_cost is not None for x in plan.sizes),
        currency=config.currency,
        basis=f"From {'; '.join(plan.basis)}; start-up counted." if plan.basis else "",
        measured=_measured(plan.measured),
        rest=_rest(plan, rest) if plan.measured else "",
        rest_sizes=", ".join(map(str, rest)) if plan.measured and rest else "",
    )


def _times(low_s: float | None, high_s: float | None) -> str:
    if low_s is None or high_s is None:
        return ""
    low, high = rough(low_s), rough(high_s)
    if low == high:
        return low
    number, _, unit = low.partition(" ")
    same = unit == high.partition(" ")[2] and " " not in unit
    return f"{number} to {high}" if same else f"{low} to {high}"


def _money(low: float | None, high: float | None, currency: str) -> str:
    if low is None or high is None:
        return ""
    return f"{_sum(low)} to {_sum(high)} {currency}"


def _sum(value: float) -> str:
    return show(Cell(value, "money")).value


def _time_words(plan: SweepPlan) -> str:
    config = plan.config
    assert config is not None, "a plan that is taken has one"
    if config.interleaved:
        total = len(plan.runs) * config.ladder.turn_s
        return f"Turns of {config.ladder.turn_s:g} s, {as_duration(total)} of them, and start-up."
    if plan.low_s is None:
        return "Nothing alike was measured here before."
    return "for all runs" if config.launch.max_concurrent == 1 else "for all, some side by side"


def _runs(plan: SweepPlan) -> str:
    config = plan.config
    assert config is not None, "a plan that is taken has one"
    sizes = len({run.point.world_size for run in plan.runs})
    length = f"{config.steps} steps"
    if config.epochs is not None:
        length = "1 epoch" if config.epochs == 1 else f"{config.epochs} epochs"
    if config.target is not None or config.interleaved:
        length = config.target_name if config.target is not None else "short turns"
    batch = "" if config.batch_size is None else f", batch {config.batch_size}"
    each = " each" if config.scaling == "weak" else " in all"
    text = f"{len(plan.runs)} run{'s' if len(plan.runs) != 1 else ''}: {sizes} size"
    text += (
        f"{'s' if sizes != 1 else ''}, {length}{batch + each if batch else ''}, in random order."
    )
    if config.stop.half_width is not None:
        text += (
            f" Then more repeats, {config.stop.max_repeats} at most, until speedups are known to "
            f"±{config.stop.half_width:.2%}."
        )
    return text


def _sizes(rows: tuple[SizeEstimate, ...]) -> tuple[SizeShown, ...]:
    most = max((row.high_s or 0.0 for row in rows), default=0.0) or 1.0

    def part(seconds: float | None) -> float | None:
        return None if seconds is None else round(1000 * seconds / most, 1)

    return tuple(
        SizeShown(
            size=row.world_size,
            num_runs=row.num_runs,
            time=_times(row.low_s, row.high_s) or "not known",
            cost="-"
            if row.low_cost is None
            else f"{_sum(row.low_cost)} to {_sum(row.high_cost or 0)}",
            low=part(row.low_s),
            middle=part(_middle(row.low_s, row.high_s)),
            high=part(row.high_s),
        )
        for row in rows
    )


def _middle(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else (low + high) / 2


def _measured(sizes: tuple[int, ...]) -> str:
    if not sizes:
        return ""
    *first, last = map(str, sizes)
    if not first:
        return f"{last} is measured already."
    return f"{', '.join(first)} and {last} are measured already."


def _rest(plan: SweepPlan, sizes: list[int]) -> str:
    rows = [row for row in plan.sizes if row.world_size in sizes]
    if not rows:
        return "A new sweep measures them again."
    lows, highs = [x.low_s for x in rows], [x.high_s for x in rows]
    num = sum(row.num_runs for row in rows)
    known = [x for x in (*lows, *highs) if x is not None]
    time = ""
    if len(known) == 2 * len(rows):
        low, high = sum(known[: len(rows)]), sum(known[len(rows) :])
        time = f", {_times(low, high)}"
    runs = "1 run" if num == 1 else f"{num} runs"
    return (
        f"Only {', '.join(map(str, sizes))} {'is' if len(sizes) == 1 else 'are'} new: {runs}{time}."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What stands below the first fields."""

    workload: str
    batch_label: str
    batch: str
    epochs: str
    room: str


def hints(draft: Draft, settings: ServeSettings) -> tuple[Hints, int]:
    """Return the hints of a form, and the most workers that there is room for."""
    info = BUILTIN.get(draft.text("workload"))
    is_weak = draft.text("scaling") == "weak"
    room, words = _room(draft, settings)
    own = None if info is None else info.defaults
    params = "" if info is None or info.num_params is None else f" {_count(info.num_params)}"
    found = Hints(
        workload="" if info is None else f"{info.summary}.{params}",
        batch_label="Batch of each worker" if is_weak else "Batch in all",
        batch=(
            "Weak scaling: the same on each." if is_weak else "Strong scaling: fixed, shared out."
        )
        + (f" Not set: {own.batch_size}." if own else ""),
        epochs=f"Default of the workload: {own.epochs}." if own else "Passes over the data.",
        room=words,
    )
    return found, room


def _count(params: int) -> str:
    if params >= 10**6:
        return f"{params / 10**6:.3g} million parameters."
    return f"{params:,} parameters."


def _room(draft: Draft, settings: ServeSettings) -> tuple[int, str]:
    if settings.address is not None:
        return _ANY, "On the cluster; what it cannot place is refused when it starts."
    try:
        config = check(draft.request(), settings)
    except ConfigError:
        return _ANY, f"This machine has {num_cpus()} CPUs."
    most = places(config)
    if most >= num_gpus() > 0 and config.use_gpu is not False:
        return most, f"This machine has {num_gpus()} GPUs and {num_cpus()} CPUs."
    each = f"{config.cpus_per_worker:g} CPU{'s' if config.cpus_per_worker != 1 else ''} each"
    return most, f"This machine has {num_cpus()} CPUs: at most {most} workers, {each}."
