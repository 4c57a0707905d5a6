"""From a request to the runs that are to run: a new sweep, or what an old one still lacks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ray_bench import __version__
from ray_bench.config.grid import config_sha256, further_round, rules_coincide
from ray_bench.config.load import fill_in, load
from ray_bench.config.rounds import planned_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.config.script import what_varies
from ray_bench.config.stored import stored
from ray_bench.errors import ConfigError
from ray_bench.records import PlannedRun, RunRecord, SweepRecord
from ray_bench.store import ResultsStore
from ray_bench.sweep.budget import informative_order
from ray_bench.sweep.request import SweepRequest
from ray_bench.sweep.script import script_info
from ray_bench.workloads.catalog import WorkloadInfo, find


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A configuration without gaps, and the workload that filled them."""

    config: SweepConfig
    info: WorkloadInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to run, in which sweep."""

    sweep: SweepRecord
    planned: tuple[PlannedRun, ...]  # all runs of the sweep, in their order
    stored: tuple[RunRecord, ...] = ()  # what an earlier call of a resumed sweep left
    is_resumed: bool = False
    has_stopped: bool = False  # a stop rule found that enough was measured

    @property
    def finished(self) -> tuple[RunRecord, ...]:
        """Runs that need not run again."""
        return tuple(run for run in self.stored if not run.must_repeat)

    @property
    def todo(self) -> tuple[PlannedRun, ...]:
        """Runs that are missing, have failed or stood still, in their order."""
        done = {run.run_id for run in self.finished}
        return tuple(planned for planned in self.planned if planned.run_id not in done)

    @property
    def attempts(self) -> Mapping[str, int]:
        """The attempt, from 1, of every run that is to run."""
        last = {run.run_id: run.attempt for run in self.stored}
        return {planned.run_id: last.get(planned.run_id, 0) + 1 for planned in self.todo}


def resolve(source: str | None, overrides: Sequence[str]) -> Resolved:
    """Load a configuration and fill in its workload's defaults; a script has its own."""
    config = load(source, overrides)
    if config.target is not None:
        return Resolved(config=config, info=script_info(config))
    info = find(config.workload)
    needing = _needs_evaluations(config)
    if needing is not None and not info.is_evaluated:
        raise ConfigError(
            f"{needing} is looked for in evaluations, and the workload {info.name} has no method "
            f"`evaluate`; give it one, or leave {needing} out."
        )
    return Resolved(config=fill_in(config, info.defaults), info=info)


def _needs_evaluations(config: SweepConfig) -> str | None:
    """Return the key that asks for what only evaluations tell."""
    if config.metrics.target is not None:
        return "metrics.target"
    if config.stop.hopeless_epochs is not None:
        return "stop.hopeless_epochs"
    return "stop.hopeless" if config.stop.hopeless else None


def _same_rules_note(config: SweepConfig) -> str | None:
    """Say that two rules which differ in their warm-up alone are one where there is none."""
    if config.schedule.name != "one-cycle" or not {"legw", "sqrt"} <= set(config.lr_rules):
        return None
    return (
        "with schedule.name=one-cycle the rules sqrt and legw train alike: legw differs in its "
        "warm-up alone, and one-cycle climbs by itself. Leave one of them out of lr_rules."
    )


def _one_seed_note(config: SweepConfig) -> str | None:
    """Say that one seed cannot tell what was asked: who trains the same model."""
    has_several = len(config.world_sizes) * len(config.lr_rules) > 1
    if config.metrics.target is None or not has_several or len(config.seeds) > 1:
        return None
    return (
        "one seed says nothing of whether world sizes and rules reach metrics.target alike: how "
        "much seeds differ is unknown. Use seeds=[0,1,2,3,4]."
    )


def requested_plan(
    request: SweepRequest, config: SweepConfig, store: ResultsStore, say: Callable[[str], None]
) -> Plan:
    """Return the plan of a new sweep or of a resumed one, and say which."""
    if config.target is not None:
        say(f"note: {what_varies(config.target_name, config.fields)}")
    if rules_coincide(config):
        rules = ", ".join(config.lr_rules)
        say(
            f"note: the rules {rules} train alike here, because the global batch does not grow; "
            "scaling=weak or optimizer.scale_with=world_size tells them apart."
        )
    for note in (config.placement_note, _one_seed_note(config), _same_rules_note(config)):
        if note is not None:
            say(f"note: {note}")
    if not request.resume:
        note = unfinished_note(config, store)
        if note is not None:
            say(f"note: {note}")
        plan = new_plan(config, store, request.command(resume=False))
        return plan if request.budget is None else _most_telling_first(plan)
    plan = resumed_plan(config, store, request.resumed)
    if request.budget is not None:
        plan = replace(plan, planned=informative_order(plan.planned))
    failed = len(plan.stored) - len(plan.finished)
    say(
        f"Resuming sweep {plan.sweep.sweep_id}: skipping {len(plan.finished)} of "
        f"{len(plan.planned)} runs, which are finished; {len(plan.todo)} to run "
        f"({failed} of them failed before)."
    )
    return plan


def _most_telling_first(plan: Plan) -> Plan:
    planned = informative_order(plan.planned)
    sweep = replace(plan.sweep, run_ids=tuple(run.run_id for run in planned))
    return replace(plan, sweep=sweep, planned=planned)


def new_plan(config: SweepConfig, store: ResultsStore, command: str) -> Plan:
    """Return the plan of a sweep that starts from nothing."""
    planned = planned_runs(config)
    now = datetime.now(UTC)
    sha256 = config_sha256(config)
    sweep = SweepRecord(
        sweep_id=_unused(f"{now:%Y%m%dT%H%M%SZ}-{sha256[:6]}", store),
        created_at_utc=now,
        config_json=json.dumps(stored(config.model_dump(mode="json"))),
        config_sha256=sha256,
        command=command,
        ray_bench_version=__version__,
        run_ids=tuple(run.run_id for run in planned),
    )
    return Plan(sweep=sweep, planned=planned)


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
        planned=_with_further(config, planned, stored),
        stored=stored,
        is_resumed=True,
        has_stopped=store.stop(sweep.sweep_id) is not None,
    )


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


def _unused(sweep_id: str, store: ResultsStore) -> str:
    taken = {sweep.sweep_id for sweep in store.sweeps()}
    candidates = (f"{sweep_id}-{number}" for number in range(2, len(taken) + 3))
    return sweep_id if sweep_id not in taken else next(c for c in candidates if c not in taken)
