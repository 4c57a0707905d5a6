"""Jobs of somebody else's script: which of them are one curve, and which scaling it is.

Nobody says what a script holds fixed. The batches that were measured tell it: as many samples a
worker at every world size is weak scaling, as many of all workers together is strong scaling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ray_bench.records import RunRecord, Scaling

#: Ends of names of arguments that may differ along a curve: what they do to speed is measured
#: itself (batches, accumulation), or is nothing (rates, seeds, lengths, where files go).
_FREE = re.compile(
    r"(^|_)(batch_size|batchsize|bs|batch|accumulation_steps|accumulate|grad_accum|accum_steps"
    r"|lr|learning_rate|warmup|warmup_steps|seed|epochs?|steps|iters|iterations"
    r"|world_size|nproc|nproc_per_node|nnodes|num_gpus|gpus|ngpus|devices|rank|node_rank|local_rank"
    r"|dir|out|output|path|folder|file|name|tag|id|port|master_addr|master_port|save|log|resume)$"
)

_Key = TypeVar("_Key", bound=Hashable)


def script_key(run: RunRecord) -> dict[str, object]:
    """Return what two jobs of a script must share beside what all runs must; nothing for ours."""
    if run.launched in (None, "ours"):
        return {}
    return {
        "arguments": comparable_arguments(run.script_arguments or ()),
        "script": (run.script_sha256 or "")[:12] or None,
        "strategy": run.strategy,
        "optimizer": run.optimizer,
        "parameters": None if run.num_params is None else f"{run.num_params:.3g}",  # padding
    }


def comparable_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return arguments without those that may differ along a curve, or be left out there."""
    kept: list[str] = []
    is_free = False
    for argument in arguments:
        name = argument.partition("=")[0]
        is_name = argument.startswith("-") and not _is_number(argument)
        is_value = is_free and not is_name
        is_free = _is_free(name) if is_name or "=" in argument else is_value
        if not is_free:
            kept.append(argument)
        is_free = is_free and is_name and "=" not in argument
    return tuple(kept)


def _is_free(name: str) -> bool:
    words = (
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.lstrip("-")).replace("-", "_").replace(".", "_")
    )
    return name in ("-b", "-o", "-e") or _FREE.search(words.lower()) is not None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def with_scaling(
    runs: Sequence[RunRecord], key: Callable[[RunRecord], Hashable]
) -> tuple[RunRecord, ...]:
    """Return the runs with a scaling mode in every point, as their batches tell it.

    A run that fits a curve of either mode is returned in both. One that fits none is weak scaling
    with a single world size, of which no mode can be told (`is_told`).

    Args:
        runs: Valid ones, whose batches are known.
        key: What runs of one curve must share, batches and scaling apart.
    """
    own = [run for run in runs if run.point.scaling is None]
    told = [run for alike in _grouped(own, key).values() for run in _told(alike)]
    return (*(run for run in runs if run.point.scaling is not None), *told)


def _told(runs: Sequence[RunRecord]) -> Iterable[RunRecord]:
    weak = _curves(runs, lambda run: run.point.local_batch_size)
    strong = _curves(runs, lambda run: run.point.global_batch_size)
    placed = {run.run_id for curve in (*weak, *strong) for run in curve}
    for scaling, curves in (("weak", weak), ("strong", strong)):
        for curve in curves:
            yield from _as_one(curve, scaling)  # type: ignore[arg-type]
    yield from _as_one([run for run in runs if run.run_id not in placed], "weak")


def _curves(
    runs: Sequence[RunRecord], batch: Callable[[RunRecord], int | None]
) -> list[list[RunRecord]]:
    """Return sets of runs with one batch, at two world sizes or more."""
    sets = _grouped(runs, batch).values()
    return [x for x in sets if len({run.point.world_size for run in x}) > 1]


def _as_one(runs: Sequence[RunRecord], scaling: Scaling) -> list[RunRecord]:
    """Return runs of one curve; what is cut to what fits at once is cut by one rule."""
    cuts = {run.point.num_micro_batches for run in runs}
    sizes = {run.point.micro_batch_size for run in runs}
    most = sizes.pop() if len(cuts) > 1 and len(sizes) == 1 else None
    return [
        replace(run, point=replace(run.point, scaling=scaling, max_local_batch_size=most))
        for run in runs
    ]


def _grouped(
    runs: Sequence[RunRecord], key: Callable[[RunRecord], _Key]
) -> Mapping[_Key, list[RunRecord]]:
    found: dict[_Key, list[RunRecord]] = {}
    for run in runs:
        found.setdefault(key(run), []).append(run)
    return found
