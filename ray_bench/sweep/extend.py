"""A sweep that asks for more than one before it: what that one has measured is taken over."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace

from ray_bench.config.grid import config_sha256
from ray_bench.config.rounds import planned_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.config.secrets import MASK
from ray_bench.errors import ConfigError
from ray_bench.records import PlannedRun, RunRecord, SweepRecord
from ray_bench.store import ResultsStore
from ray_bench.sweep.plan import Plan, new_plan

#: In which keys a sweep may ask for more than the one that it extends.
AXES = ("world_sizes", "lr_rules", "seeds", "repeats")

_AXES_WORDS = "world_sizes, lr_rules, seeds and repeats"


#: Puts runs in the order in which they are to run.
Order = Callable[[Sequence[PlannedRun]], Sequence[PlannedRun]]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A sweep with the same settings, and its finished runs that are asked for now."""

    sweep: SweepRecord
    runs: tuple[RunRecord, ...]


def extended_plan(
    config: SweepConfig,
    store: ResultsStore,
    command: str,
    asked: str | None = None,
    order: Order = tuple,
) -> Plan:
    """Return the plan of a new sweep that takes over what an earlier one has measured of it.

    The runs that are taken over come first, in the order in which they were made.

    Args:
        config: What is asked for, all of it.
        store: With the earlier sweep.
        command: Of the new sweep.
        asked: Which one, in a word that the store understands; None takes the one that has most of
            the runs, the newest of several.
        order: Puts what is left to run in its order.

    Raises:
        ConfigError: If there is none, or nothing is left to measure.
    """
    if config.interleaved:
        raise ConfigError(
            "A ladder's rounds hold all world sizes, so it cannot be extended: leave out --extend, "
            "or give --resume with stop.half_width=0.01 for more rounds."
        )
    sweep_id = None if asked is None else store.sweep_id(asked)
    earlier = earlier_alike(config, store, sweep_id)
    if earlier is None:
        raise ConfigError(_nothing_to_extend(store, sweep_id))
    planned = planned_runs(config)
    if len(earlier.runs) == len(planned):
        raise ConfigError(
            f"Sweep {earlier.sweep.sweep_id} has all {len(planned)} runs that are asked for. See "
            f"them with `ray-bench report --sweep {earlier.sweep.sweep_id}`, or ask for more "
            f"{_AXES_WORDS}."
        )
    return _taken_over(new_plan(config, store, command), earlier, order)


def earlier_alike(
    config: SweepConfig, store: ResultsStore, sweep_id: str | None = None
) -> Earlier | None:
    """Return what may be taken over of a sweep; None where there is nothing.

    Args:
        config: What is asked for now.
        store: With the sweeps.
        sweep_id: The one to look at; None looks for the one that has most.
    """
    wanted = {run.run_id for run in planned_runs(config)}
    best: Earlier | None = None
    for sweep in reversed(store.sweeps()):
        most = len(wanted.intersection(sweep.run_ids))
        is_asked = sweep_id in (None, sweep.sweep_id)
        # Runs are many to read: only where a sweep can have more of them than the best so far.
        if not is_asked or most <= (0 if best is None else len(best.runs)):
            continue
        if _differs_in_axes_alone(sweep, config):
            runs = _finished(store, sweep, wanted)
            best = Earlier(sweep, runs) if len(runs) > (len(best.runs) if best else 0) else best
    return best


def _finished(store: ResultsStore, sweep: SweepRecord, wanted: Set[str]) -> tuple[RunRecord, ...]:
    runs = store.runs(sweep.sweep_id)
    kept = [run for run in runs if run.run_id in wanted and not run.must_repeat]
    return tuple(sorted(kept, key=lambda run: run.started_at_utc))


def _differs_in_axes_alone(sweep: SweepRecord, config: SweepConfig) -> bool:
    """Tell whether two sweeps are one but for how many runs of each kind they ask for.

    Of values that were stored masked nobody knows whether they are equal.
    """
    if MASK in sweep.config_json:
        return False
    try:
        other = SweepConfig.model_validate(json.loads(sweep.config_json))
    except ValueError:
        return False  # of another version, or of an attached job: its runs are not ours
    axes = {key: getattr(config, key) for key in AXES}
    return config_sha256(other.model_copy(update=axes)) == config_sha256(config)


def _taken_over(plan: Plan, earlier: Earlier, order: Order) -> Plan:
    """Put the runs that there are first, and number all of them anew."""
    by_id = {run.run_id: run for run in plan.planned}
    taken = [by_id[run.run_id] for run in earlier.runs]
    rest = order([run for run in plan.planned if run not in taken])
    planned = _numbered([*taken, *rest])
    stored = tuple(
        replace(
            run,
            sweep_id=plan.sweep.sweep_id,
            order_index=index,
            flags=tuple(dict.fromkeys((*run.flags, "taken_over"))),
        )
        for index, run in enumerate(earlier.runs)
    )
    sweep = replace(plan.sweep, run_ids=tuple(run.run_id for run in planned))
    return replace(
        plan, sweep=sweep, planned=planned, stored=stored, extends=earlier.sweep.sweep_id
    )


def _numbered(planned: Sequence[PlannedRun]) -> tuple[PlannedRun, ...]:
    return tuple(replace(run, order_index=index) for index, run in enumerate(planned))


def _nothing_to_extend(store: ResultsStore, sweep_id: str | None) -> str:
    which = f"No sweep in {store.root}" if sweep_id is None else f"Sweep {sweep_id} is not one that"
    return (
        f"{which} has finished runs of this configuration and differs in {_AXES_WORDS} alone "
        "(secrets are stored masked, and masked values count as different). Leave out --extend to "
        "measure all of it."
    )
