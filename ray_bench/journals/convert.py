"""From the files of a launch to the records of a run, as the store keeps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray_bench.errors import TrainingError
from ray_bench.journals.batches import Batches, batches_of
from ray_bench.journals.evaluations import eval_s_of, evaluations_of, final_fields
from ray_bench.journals.launch import Launch, RankFile, launch_of
from ray_bench.journals.outcome import outcome_of
from ray_bench.journals.phases import phases_of
from ray_bench.journals.readings import is_throttled, reading_failures, reading_fields
from ray_bench.measure import totals
from ray_bench.records import (
    BlockRecord,
    BucketRecord,
    CompileMode,
    Launched,
    PhaseRecord,
    Place,
    Point,
    Precision,
    RunData,
    RunRecord,
    Training,
)

#: By the type of the parameters and that of autocast; others have no name among ours.
_PRECISIONS: Mapping[tuple[str, str | None], Precision] = {
    ("float32", None): "fp32",
    ("float32", "bfloat16"): "bf16",
}


def attached_run(
    folder: Path,
    *,
    sweep_id: str,
    run_id: str,
    point: Point | None = None,
    repeat: int = 0,
    order_index: int = 0,
    attempt: int = 1,
    launched: Launched | None = None,
    **known: Any,
) -> RunData:
    """Turn the files that the ranks of one launch have written into what `write_run` takes.

    Torch and Ray are not needed. The launch need not have ended well: a rank that was killed or
    that failed makes the run one that did not finish, with all that was measured until then.

    Args:
        folder: Of the launch, with a `rank-K.jsonl` of every rank (`Session.folder`).
        sweep_id: Of the sweep that the run belongs to.
        run_id: Unique within it.
        point: What was asked for. Parts of it that are None are filled from what was found:
            precision, batches, learning rate, compilation, micro-batches. None: nothing was asked
            for, and all of it is as found; scaling, rule and seed stay unknown.
        repeat: From 0.
        order_index: From 0: its place in the order of the sweep.
        attempt: From 1.
        launched: Who started it; None: as the files say.
        known: Further fields of `RunRecord` that the launcher knows better, e.g. `trainer`,
            `started_at_utc` or `wall_s`. They replace what the files tell.

    Raises:
        TrainingError: No rank has made a step that could be told from outside.
        StoreError: A file is damaged.
    """
    launch = launch_of(folder, known.get("rank_node_ids"))
    if launch is None:
        raise TrainingError(
            f"No rank has left a step in {folder}: no optimizer made an update. Call "
            "ray_bench.step(num_samples=...) in the script after each step."
        )
    batches = batches_of(launch)
    place = _found_point(launch, batches)
    run = RunRecord(
        **{
            "sweep_id": sweep_id,
            "run_id": run_id,
            "repeat": repeat,
            "order_index": order_index,
            "attempt": attempt,
            "point": place if point is None else _filled(point, place),
            "started_at_utc": launch.began_at_utc,
            "wall_s": launch.wall_s,
            "launched": launched or launch.facts.get("launched") or "attached",
            **_outcome_fields(launch),
            **_fact_fields(launch),
            **_timing_fields(launch, batches),
            **reading_fields(launch),
            **final_fields(launch),
            **known,
        }
    )
    run = replace(run, flags=(*run.flags, *_flags(launch, batches)))
    parts = list(phases_of(launch, run_id))
    return RunData(
        run=run,
        blocks=tuple(_blocks(launch, run_id)),
        phases=tuple(x for x in parts if isinstance(x, PhaseRecord)),
        buckets=tuple(x for x in parts if isinstance(x, BucketRecord)),
        evaluations=evaluations_of(launch, run_id, are_samples_known=batches.source != "unknown"),
        failures=(*outcome_of(launch).failures(run_id), *reading_failures(launch, run_id)),
        environment=launch.environment,
    )


def _blocks(launch: Launch, run_id: str) -> list[BlockRecord]:
    return [replace(block, run_id=run_id) for rank in launch.ranks for block in rank.records]


def _found_point(launch: Launch, batches: Batches) -> Point:
    facts = launch.facts
    is_ddp = facts.get("strategy") == "ddp"
    rates = [x["applied_lr"] for x in launch.first.blocks if x.get("applied_lr") is not None]
    cap = facts.get("ddp_bucket_cap_mb")
    compiled: CompileMode = "default" if facts.get("is_compiled") else "none"
    return Point(
        workload=script_name(launch),
        world_size=launch.world_size,
        scaling=None,
        lr_rule=None,
        seed=None,
        precision=_PRECISIONS.get((facts.get("dtype") or "", facts.get("autocast"))),
        is_ddp=is_ddp,
        global_batch_size=batches.of_all,
        local_batch_size=batches.of_a_rank,
        base_lr=None,
        lr=max(rates, default=None),
        compile=compiled,
        bucket_cap=f"{cap:g}" if is_ddp and cap else None,
        accumulate_steps=batches.num_micro if (batches.num_micro or 1) > 1 else None,
    )


def script_name(launch: Launch) -> str:
    """Return the file's name, or the module's."""
    script = launch.facts.get("script")
    return "script" if script is None else str(script["name"])


def _filled(point: Point, found: Point) -> Point:
    """Return a point whose unknown parts are as they were found."""
    names = (*Place.__dataclass_fields__, *Training.__dataclass_fields__)
    unknown = [name for name in names if getattr(point, name) is None]
    own = {name: getattr(found, name) for name in unknown if name not in ("scaling", "lr_rule")}
    return replace(point, **own, is_ddp=found.is_ddp)


def _outcome_fields(launch: Launch) -> dict[str, Any]:
    outcome = outcome_of(launch)
    return {
        "status": outcome.status,
        "error_type": outcome.error_type,
        "error_message": outcome.error_message,
        "error_rank": outcome.error_rank,
        "error_traceback": outcome.error_traceback,
    }


def _fact_fields(launch: Launch) -> dict[str, Any]:
    facts, environment = launch.facts, launch.environment
    script = facts.get("script") or {}
    autocast = facts.get("autocast")
    precision = facts.get("dtype")
    arguments = script.get("arguments")
    return {
        "num_params": _total_params(launch),
        "grad_bytes": facts.get("grad_bytes"),
        "optimizer": facts.get("optimizer"),
        "strategy": facts.get("strategy"),
        "found_precision": f"{precision}, autocast {autocast}" if autocast else precision,
        "device": environment.gpu_names[0] if environment.gpu_names else facts.get("device"),
        "backend": facts.get("backend"),
        "bucket_cap_mb": facts.get("ddp_bucket_cap_mb"),
        "environment_hash": environment.environment_hash,
        "script_arguments": None if arguments is None else tuple(arguments),
        "script_sha256": script.get("sha256"),
    }


def _total_params(launch: Launch) -> int | None:
    """Return the model's parameters: those of FSDP1 are spread over the ranks, and padded."""
    each = [rank.facts.get("num_params") for rank in launch.ranks]
    known = [int(x) for x in each if x is not None]
    if len(known) < len(each) or not known:
        return None
    return sum(known) if launch.facts.get("strategy") == "fsdp1" else known[0]


def _timing_fields(launch: Launch, batches: Batches) -> dict[str, Any]:
    blocks = [rank.records for rank in launch.ranks]
    fields: dict[str, Any] = {
        "num_steps": min(sum(x.num_steps for x in each) for each in blocks),
        "train_s": max(sum(x.duration_s for x in each) for each in blocks),
        "setup_s": max(
            float(x.facts["first_step_unix_s"]) - float(x.facts["began_unix_s"])
            for x in launch.ranks
        ),
        "eval_s": eval_s_of(launch),
        "samples_source": batches.source,
        "tokens_source": batches.tokens_source,
    }
    if launch.missing_ranks or not all(blocks):
        return fields
    common = common_blocks(blocks)
    rate, step_time_s, flags = totals.throughput(common)
    if batches.source == "unknown":
        return {**fields, "step_time_s": step_time_s, "flags": tuple(flags)}
    mean = totals.mean_local_samples(common)
    is_even = mean == batches.of_a_rank
    return {
        **fields,
        "step_time_s": step_time_s,
        "flags": tuple(flags),
        "throughput_samples_per_s": rate,
        "throughput_tokens_per_s": totals.tokens_per_s(common),
        "mean_local_samples": mean,
        "least_local_samples": batches.of_a_rank if is_even else None,
        "most_local_samples": batches.of_a_rank if is_even else None,
    }


def common_blocks(ranks: Sequence[Sequence[BlockRecord]]) -> list[list[BlockRecord]]:
    """Return the blocks that every rank has ended: shape (world_size, num_blocks)."""
    num = min(len(blocks) for blocks in ranks)
    return [list(blocks[:num]) for blocks in ranks]


def _flags(launch: Launch, batches: Batches) -> tuple[str, ...]:
    blocks = [rank.records for rank in launch.ranks]
    checks = {
        "samples_unknown": batches.source == "unknown",
        "ranks_apart": any(rank.is_apart for rank in launch.ranks),
        "unequal_steps": len({rank.num_timed for rank in launch.ranks}) > 1,
        "unequal_batches": batches.are_unequal,
        "warmup_unsettled": any(rank.is_unsettled for rank in launch.ranks),
        "steps_skipped": any(rank.num_skipped for rank in launch.ranks),
        "gpu_throttled": is_throttled(launch),
        "instruments_failed": any(rank.failed for rank in launch.ranks),
        "oversubscribed": is_oversubscribed(launch.ranks),
        "stalled": all(blocks) and totals.stalled(common_blocks(blocks)),
        "clock_backwards": any(totals.clock_backwards(x, ()) for x in blocks),
    }
    return tuple(name for name, is_set in checks.items() if is_set)


def is_oversubscribed(ranks: Sequence[RankFile]) -> bool:
    """Tell whether ranks share a GPU, or have more threads on a host than it has cores."""
    gpus = [(x.facts.get("node"), x.facts.get("gpu_uuid")) for x in ranks]
    if all(gpu for _, gpu in gpus):
        return len(set(gpus)) < len(gpus)
    threads: Counter[Any] = Counter()
    for rank in ranks:
        threads[rank.facts.get("node")] += int(rank.facts.get("omp_num_threads") or 1)
    return any(
        threads[rank.facts.get("node")] > rank.facts["environment"]["num_cpus"] for rank in ranks
    )
