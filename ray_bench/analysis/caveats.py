"""What there is to know before an answer is believed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ray_bench.analysis.groups import INVALID_FLAGS
from ray_bench.analysis.nodes import nodes_by_size
from ray_bench.analysis.study import Study
from ray_bench.analysis.times import run_time_with_setup
from ray_bench.records import Results, RunRecord
from ray_bench.stats.log_estimate import log_ratio, pooled

#: A benchmark is unstable from this relative spread of its runs on, after pyperf (Stinner).
MAX_RUN_SPREAD = 0.10
#: A machine may be another one after a pause as long as this.
_PAUSE_S = 3600


class CaveatKind(Enum):
    """What there is to know before an answer is believed, the worst first."""

    EMULATED = "emulated"
    OVERSUBSCRIBED = "oversubscribed"
    FAILED = "failed"
    DIVERGED = "diverged"  # a result, not a fault
    STOPPED = "stopped"
    INVALID = "invalid"
    MISSING = "missing"
    UNSTEADY = "unsteady"  # equal runs differ in speed by more than a quiet machine explains
    OTHER_TIME = "other_time"  # sizes that were not measured when the smallest was, by --extend
    STANDIN = "standin"
    NO_INTERVAL = "no_interval"
    ONE_RUN = "one_run"
    WARM_UP = "warm_up"
    START_UP = "start_up"  # eats up what more workers save
    MISFIT = "misfit"
    ONE_SEED = "one_seed"
    INTERLEAVED = "interleaved"
    NO_ACCURACY = "no_accuracy"
    NO_PRICE = "no_price"
    ONE_MACHINE = "one_machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaveatFact:
    """One of them, with what it is about."""

    kind: CaveatKind
    num_runs: int = 0
    world_sizes: tuple[int, ...] = ()
    left: tuple[int, ...] = ()  # runs that are left of each of these world sizes
    wanted: tuple[int, ...] = ()  # runs that there would be of each
    spread_frac: float | None = None  # standard deviation of the speed of equal runs


def caveats(study: Study, results: Results) -> Iterator[CaveatFact]:
    """Yield what there is to know of a sweep with a curve, in no order."""
    kind = CaveatKind
    flags = {flag for run in study.group.runs for flag in run.flags}
    if study.is_emulated:
        yield CaveatFact(kind=kind.EMULATED)
    left_out = set(study.throughput) - set(study.clean_sizes)
    if left_out:
        yield CaveatFact(kind=kind.OVERSUBSCRIBED, world_sizes=tuple(sorted(left_out)))
    yield from sweep_caveats(results, study)
    yield from _of_the_machine(study)
    if "standin_data" in flags:
        yield CaveatFact(kind=kind.STANDIN)
    if study.throughput and study.source == "none":
        yield CaveatFact(kind=kind.NO_INTERVAL)
    if study.throughput and study.source == "within_run":
        yield CaveatFact(kind=kind.ONE_RUN)
    if "warmup_included" in flags:
        yield CaveatFact(kind=kind.WARM_UP)
    if is_eaten_by_setup(study):
        yield CaveatFact(kind=kind.START_UP)
    if study.law is not None and study.law.fit.is_misfit:
        yield CaveatFact(kind=kind.MISFIT)
    yield from _notes(study, results)


def sweep_caveats(results: Results, study: Study | None = None) -> Iterator[CaveatFact]:
    """Yield what failed, is invalid, or is missing."""
    for kind in (CaveatKind.FAILED, CaveatKind.DIVERGED, CaveatKind.STOPPED):
        runs = [run for run in results.failed_runs if _how_lost(run) is kind]
        counts = Counter(run.point.world_size for run in runs)
        sizes = tuple(sorted(counts))
        left = () if study is None else tuple(len(study.runs_at(n)) for n in sizes)
        if runs:
            yield CaveatFact(
                kind=kind,
                num_runs=len(runs),
                world_sizes=sizes,
                left=left,
                wanted=tuple(x + counts[n] for n, x in zip(sizes, left, strict=False)),
            )
    invalid = [run for run in results.ok_runs if set(run.flags) & set(INVALID_FLAGS)]
    if invalid:
        sizes = tuple(sorted({run.point.world_size for run in invalid}))
        yield CaveatFact(kind=CaveatKind.INVALID, num_runs=len(invalid), world_sizes=sizes)
    if results.missing_run_ids:
        yield CaveatFact(kind=CaveatKind.MISSING, num_runs=len(results.missing_run_ids))


def is_eaten_by_setup(study: Study) -> bool:
    """Return whether start-up takes back what the recommended workers save in a run this long."""
    row, before = study.size(study.decision.recommended or 0).time, study.times[0]
    if row is None or row is before:
        return False
    after_s, before_s = (run_time_with_setup(one, study.times) for one in (row, before))
    if after_s is None or before_s is None:
        return False
    ratio = log_ratio(before_s, after_s).estimate
    return (ratio.low if ratio.low is not None else ratio.value) <= 1


def run_spread(study: Study) -> float | None:
    """Return the relative standard deviation of the throughput of equal runs, pooled over sizes.

    None without repeats, and where world sizes took turns: what a round has in common cancels.
    """
    if study.is_ladder or not study.throughput or study.source != "repeats":
        return None
    found = next(iter(pooled(study.throughput).values()))
    return math.sqrt((found.variance or 0.0) * found.num_runs)


def _of_the_machine(study: Study) -> Iterator[CaveatFact]:
    spread = run_spread(study)
    if spread is not None and spread >= MAX_RUN_SPREAD:
        yield CaveatFact(kind=CaveatKind.UNSTEADY, spread_frac=spread)
    apart = _apart_sizes(study)
    if apart:
        yield CaveatFact(kind=CaveatKind.OTHER_TIME, world_sizes=apart)


def _apart_sizes(study: Study) -> tuple[int, ...]:
    """Return the sizes of which no run is of the time of a run of the smallest, ascending.

    Only of sweeps that took runs over. A time ends where those end, and with a pause.
    """
    runs = sorted(study.group.runs, key=lambda run: run.started_at_utc)
    if not any("taken_over" in run.flags for run in runs):
        return ()
    times: dict[int, set[int]] = {}
    number = 0
    for before, run in zip([runs[0], *runs], runs, strict=False):
        pause_s = (run.started_at_utc - before.started_at_utc).total_seconds() - before.wall_s
        both = "taken_over" in before.flags, "taken_over" in run.flags
        number += both == (True, False) or pause_s > _PAUSE_S
        times.setdefault(run.point.world_size, set()).add(number)
    return tuple(n for n in sorted(times) if times[n].isdisjoint(times[min(times)]))


def _notes(study: Study, results: Results) -> Iterator[CaveatFact]:
    kind = CaveatKind
    if study.is_ladder:
        yield CaveatFact(kind=kind.INTERLEAVED)
    elif not study.accuracy:
        yield CaveatFact(kind=kind.NO_ACCURACY)
    elif any(row.num_seeds == 1 for row in study.accuracy):
        yield CaveatFact(kind=kind.ONE_SEED)
    if study.decision.ask.price_per_worker_hour is None:
        yield CaveatFact(kind=kind.NO_PRICE)
    nodes = nodes_by_size(study.group.runs, results.environments).values()
    if nodes and max(nodes) == 1 and any(not x.is_measured for x in study.decision.options):
        yield CaveatFact(kind=kind.ONE_MACHINE)


def _how_lost(run: RunRecord) -> CaveatKind:
    """Return what a run that did not finish is: a fault, or a result of its training."""
    found = {"diverged": CaveatKind.DIVERGED, "stopped": CaveatKind.STOPPED}
    return found.get(run.status, CaveatKind.FAILED)
