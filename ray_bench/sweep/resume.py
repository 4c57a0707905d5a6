"""What a sweep that was begun still lacks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from ray_bench import __version__
from ray_bench.config.grid import config_sha256, further_round
from ray_bench.config.rounds import planned_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.config.stored import stored
from ray_bench.errors import ConfigError
from ray_bench.records import PlannedRun, RunRecord, SweepRecord
from ray_bench.store import ResultsStore
from ray_bench.sweep.plan import Plan


def resumed_plan(config: SweepConfig, store: ResultsStore, asked: str | None = None) -> Plan:
    """Return the plan of what a sweep of this configuration still lacks.

    Args:
        config: What is asked for.
        store: With the sweep.
        asked: Which one, in a word that the store understands; None takes the newest.

    Raises:
        ConfigError: If there is none; names the keys in which the newest sweep differs.
    """
    sweep = newest_alike(config, store) if asked is None else _asked(asked, config, store)
    if sweep is None:
        raise ConfigError(_nothing_alike(config, store))
    planned = planned_runs(config)
    if {run.run_id for run in planned} != set(sweep.run_ids):
        raise ConfigError(
            f"Sweep {sweep.sweep_id} was planned by ray_bench {sweep.ray_bench_version}, whose "
            f"runs differ from those of {__version__}. Leave out --resume to measure anew."
        )
    stored = store.runs(sweep.sweep_id)
    return Plan(
        sweep=sweep,
        planned=_with_further(config, _in_order_of(sweep, planned), stored),
        stored=stored,
        is_resumed=True,
        has_stopped=store.stop(sweep.sweep_id) is not None,
    )


def _in_order_of(sweep: SweepRecord, planned: Sequence[PlannedRun]) -> tuple[PlannedRun, ...]:
    """Return runs in the order of their sweep, which a budget or an extension has made its own."""
    place = {run_id: index for index, run_id in enumerate(sweep.run_ids)}
    ordered = sorted(planned, key=lambda run: place[run.run_id])
    return tuple(replace(run, order_index=index) for index, run in enumerate(ordered))


def _with_further(
    config: SweepConfig, planned: tuple[PlannedRun, ...], stored: Sequence[RunRecord]
) -> tuple[PlannedRun, ...]:
    """Add the further repeats of a stop rule that an earlier call has begun."""
    if config.interleaved:
        return planned
    known = {run.run_id for run in planned}
    begun = [run.repeat for run in stored if run.run_id not in known]
    for repeat in range(config.repeats, max(begun, default=-1) + 1):
        planned += further_round(config, repeat, planned)
    return planned


def newest_alike(config: SweepConfig, store: ResultsStore) -> SweepRecord | None:
    """Return the newest sweep that asked for the same runs."""
    sha256 = config_sha256(config)
    alike = [sweep for sweep in store.sweeps() if sweep.config_sha256 == sha256]
    return alike[-1] if alike else None


def unfinished_note(config: SweepConfig, store: ResultsStore) -> str | None:
    """Return a hint that --resume would spare work, if it would."""
    sweep = newest_alike(config, store)
    if sweep is None:
        return None
    finished = len(store.finished_run_ids(sweep.sweep_id))
    waits_for_rule = config.stop.half_width is not None and store.stop(sweep.sweep_id) is None
    if finished >= len(sweep.run_ids) and not waits_for_rule:
        return None
    return (
        f"{store.root} holds an unfinished sweep of this configuration ({finished} of "
        f"{len(sweep.run_ids)} runs finished); --resume would continue it. This is a new sweep."
    )


def _nothing_alike(config: SweepConfig, store: ResultsStore) -> str:
    sweeps = store.sweeps()
    if not sweeps:
        return f"There is nothing to resume in {store.root}. Leave out --resume to start."
    return (
        f"No sweep in {store.root} has this configuration. The newest, {sweeps[-1].sweep_id}, "
        f"differs in {_changes(sweeps[-1], config)}. Leave out --resume to start a new one."
    )


def _asked(word: str, config: SweepConfig, store: ResultsStore) -> SweepRecord:
    """Return the sweep that a word means, if it can be resumed with this configuration."""
    sweep_id = store.sweep_id(word)
    (sweep,) = (x for x in store.sweeps() if x.sweep_id == sweep_id)
    if sweep.config_sha256 != config_sha256(config):
        raise ConfigError(
            f"Sweep {sweep_id} cannot be resumed with this configuration, which differs in "
            f"{_changes(sweep, config)}. Give that of the sweep: {sweep.command}"
        )
    return sweep


def _changes(sweep: SweepRecord, config: SweepConfig) -> str:
    """Return in which keys a configuration differs from that of a sweep."""
    old = json.loads(sweep.config_json)
    new = stored(config.model_dump(mode="json"))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ", ".join(
        f"{key} (was {_short(old.get(key))}, now {_short(new.get(key))})" for key in keys
    )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
