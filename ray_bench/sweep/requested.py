"""From a request to its plan: a new sweep, what an old one still lacks, or more than it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ray_bench.config.grid import rules_coincide
from ray_bench.config.load import fill_in, load
from ray_bench.config.rounds import planned_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.config.script import what_varies
from ray_bench.errors import ConfigError, StoreError
from ray_bench.store import ResultsStore
from ray_bench.sweep.budget import informative_order
from ray_bench.sweep.extend import earlier_alike, extended_plan
from ray_bench.sweep.plan import Plan, new_plan
from ray_bench.sweep.request import SweepRequest
from ray_bench.sweep.resume import resumed_plan, unfinished_note
from ray_bench.sweep.script import script_info
from ray_bench.workloads.catalog import WorkloadInfo, find


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A configuration without gaps, and the workload that filled them."""

    config: SweepConfig
    info: WorkloadInfo


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
    if request.extend:
        order = tuple if request.budget is None else informative_order
        command = request.command(resume=False)
        plan = extended_plan(config, store, command, request.resumed, order)
        say(
            f"Extending sweep {plan.extends}: {len(plan.finished)} of {len(plan.planned)} runs are "
            f"taken over from it; {len(plan.todo)} to run. {_as_measured(plan)}"
        )
        return plan
    if not request.resume:
        note = unfinished_note(config, store) or _extension_note(config, store)
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


def _as_measured(plan: Plan) -> str:
    """Return when what is taken over was measured: what changed since is not seen."""
    days = sorted({f"{run.started_at_utc:%Y-%m-%d}" for run in plan.finished})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"They are of {when}; changes of your own code since then are not seen."


def _extension_note(config: SweepConfig, store: ResultsStore) -> str | None:
    """Return a hint that --extend would spare work, if it would."""
    try:
        earlier = None if config.interleaved else earlier_alike(config, store)
    except StoreError:
        return None  # a hint is no reason to stop, and whoever reads that sweep is told
    if earlier is None or len(earlier.runs) == len(planned_runs(config)):
        return None
    return (
        f"sweep {earlier.sweep.sweep_id} has measured {len(earlier.runs)} of these runs; --extend "
        "would take them over. This is a new sweep."
    )


def _most_telling_first(plan: Plan) -> Plan:
    planned = informative_order(plan.planned)
    sweep = replace(plan.sweep, run_ids=tuple(run.run_id for run in planned))
    return replace(plan, sweep=sweep, planned=planned)
