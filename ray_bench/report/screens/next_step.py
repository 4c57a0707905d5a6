"""What to do next, with what it takes and what it is worth."""

from __future__ import annotations

from ray_bench.analysis.answer import AnswerFacts, NextFact, failed_sizes
from ray_bench.analysis.decision.advice import Reason
from ray_bench.analysis.parity.runs import LOST
from ray_bench.analysis.resources import cost
from ray_bench.causes import remedy_of
from ray_bench.records import Results
from ray_bench.report.cells import estimate, number
from ray_bench.report.commands import extended, resumed
from ray_bench.report.configured import command_with
from ray_bench.report.context import Context, room_of, workers
from ray_bench.report.screen import NextStep
from ray_bench.report.script_words import is_of_scripts
from ray_bench.stats.estimate import Estimate


def next_of(context: Context, facts: AnswerFacts) -> NextStep:
    """Return the next step of one curve: there is always one, if only to stop."""
    if facts.next_run is not None:
        return _measurement(context, facts, facts.next_run, _turn(facts))
    if facts.is_for_now and facts.confirm is not None:
        return _measurement(context, facts, facts.confirm, _SURE)
    if facts.world_size is not None:
        return NextStep(
            head="nothing more to measure",
            note="No further run would make the choice surer by a point.",
        )
    if facts.reason is Reason.ONE_WORLD_SIZE and not failed_sizes(context.results):
        return _second_size(context)
    if context.results.failed_runs and facts.reason is Reason.ONE_WORLD_SIZE:
        return step_without_runs(context.results)
    return _STEPS[facts.reason](context)


_SURE = "The forecast is sure of it: the run only confirms that it is better."


def _measurement(context: Context, facts: AnswerFacts, found: NextFact, why: str) -> NextStep:
    size = found.world_size
    worker_s = None if found.worker_s is None else Estimate(found.worker_s)
    money = cost(worker_s, context.price_per_worker_hour)
    return NextStep(
        head=f"measure {workers(size)} once",
        world_size=size,
        time=number(found.time_s, "s", "predicted"),
        cost=estimate(money, "money", "predicted", context.currency),
        gain=number(found.gain or None, "points", "predicted"),
        command=command_with(context.results, *_one_run(context, size)),
        note=f"{why}{_no_room(context, facts, size)}".strip(),
    )


def _one_run(context: Context, size: int) -> list[str]:
    """Return the settings of one more run: of several rules the best one, and a seed that is new.

    A seed that was trained already takes as many samples to a target again.
    """
    runs = context.study.group.runs
    settings = [f"world_sizes=[{size}]", "repeats=1"]
    found = context.study.to_target
    row = None if found is None else found.row(size)
    if len({run.point.lr_rule for run in runs}) > 1:
        rule = runs[0].point.rule if row is None else row.first_rule
        settings.append(f"lr_rules=[{rule}]")
    seeds = {run.point.seed for run in runs}
    known = [seed for seed in seeds if seed is not None]
    if len(seeds) > 1 and known:
        settings.append(f"seeds=[{max(known) + 1}]")
    return settings


def _turn(facts: AnswerFacts) -> str:
    """Return what a measurement could change; the forecast's choice may be another one."""
    other = None if facts.next_run is None else facts.next_run.alternative
    if other is None:
        return ""
    if other == facts.world_size:
        return f"It may show that the choice stays {workers(other)}."
    return f"It may turn the choice to {workers(other)}."


def _no_room(context: Context, facts: AnswerFacts, size: int) -> str:
    if size in facts.without_claim:
        return f" Here {workers(size)} shared cores or GPUs: it needs a host with one for each."
    room = room_of(context)
    if room is None or size <= room:
        return ""
    return f" The nodes of this sweep have room for {workers(room)}: it needs more of them."


def _second_size(context: Context) -> NextStep:
    results = context.results
    if results.missing_run_ids:
        return _resume(results)
    size = context.study.baseline
    second = 2 if size == 1 else 1
    room = room_of(context)
    note = ""
    if size == 1 and room == 1:
        note = "This host has a core or GPU for one worker: it needs one with two."
    return NextStep(
        head=f"measure {workers(second)}",
        world_size=second,
        command=extended(
            command_with(results, f"world_sizes=[{min(size, second)},{max(size, second)}]")
        ),
        note=note,
    )


def _resume(results: Results) -> NextStep:
    return NextStep(
        head="finish the sweep",
        command=resumed(results.sweep.command),
        note="Only runs that are missing or failed are made.",
    )


def step_without_runs(results: Results) -> NextStep:
    """Return what to do where runs failed, or none is there."""
    if any("samples_unknown" in run.flags for run in results.ok_runs):
        return NextStep(
            head="count the samples in the script",
            note="Call ray_bench.step(num_samples=...) after each step.",
        )
    if any("ranks_apart" in run.flags for run in results.ok_runs):
        return NextStep(
            head="let the script average its gradients",
            note="Its ranks have other parameters: it needs DistributedDataParallel or FSDP.",
        )
    if not results.failed_runs:
        return _resume(results)
    faults = [run for run in results.failed_runs if run.status not in LOST]
    if not faults:
        return NextStep(
            head="lower the learning rate, or lengthen its warm-up",
            note="Runs that diverged are a result: --resume does not make them again.",
        )
    first = faults[0]
    return NextStep(
        head="mend what failed, then resume",
        command=_resume(results).command,
        note=remedy_of(first.error_type, first.error_message),
    )


def _repeat(context: Context) -> NextStep:
    if is_of_scripts(context.results):
        return NextStep(head="run every size three times")
    return NextStep(
        head="measure with repeats=3",
        command=command_with(context.results, "repeats=3"),
    )


_STEPS = {
    Reason.UNREACHABLE: lambda _: NextStep(head="ask for another aim, or a faster link"),
    Reason.NO_INTERVAL: _repeat,
    Reason.OVERSUBSCRIBED: lambda _: NextStep(
        head="measure on a host with one core or GPU for each worker"
    ),
    Reason.NOTHING_MEASURED: lambda context: NextStep(
        head="measure more steps", command=command_with(context.results, "steps=200")
    ),
    Reason.NO_PRICE: lambda _: NextStep(head="give a price: --price 1.5"),
    Reason.NO_RUN_TIME: lambda _: NextStep(head="say how long the run is: --epochs 90"),
    Reason.NO_TARGET: lambda _: NextStep(head="give a lower --target, or measure more epochs"),
    Reason.ONE_WORLD_SIZE: _second_size,
}
