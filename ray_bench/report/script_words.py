"""What to know of curves of somebody else's script: what its runs were found to hold fixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ray_bench.analysis.study import Study
from ray_bench.records import Results, RunRecord

#: By how much measuring beside a script makes a step longer, and below what that may be a per cent:
#: docs/results/attach_cost.
_COST_S, _SHORT_S = 25e-6, 4e-3
_SOURCES = {
    "indices": "the indices that its data loader drew",
    "batch": "the first dimension of its batches",
    "script": "ray_bench.step in the script",
}
_TOKENS = {
    "batch": "the masks of its batches, or their input_ids, padding included",
    "script": "ray_bench.step in the script",
}
_STRATEGIES = {
    "ddp": "with DDP",
    "fsdp1": "with FSDP",
    "fsdp2": "with FSDP2",
    "deepspeed": "with DeepSpeed",
    **{f"zero{stage}": f"with DeepSpeed and ZeRO stage {stage}" for stage in (1, 2, 3)},
    "none": "without DDP",
}

#: Of the warnings those that stand beside the answer.
SAID_FIRST = ("script_scaling", "script_baseline")


def is_of_scripts(results: Results) -> bool:
    """Tell whether somebody else's script made the steps."""
    return any(run.launched not in (None, "ours") for run in results.runs)


def is_scaling_told(study: Study) -> bool:
    """Tell whether the scaling mode is known: a script's is not at a single world size."""
    return study.first.launched != "attached" or len(study.group.world_sizes) > 1


def script_warnings(study: Study) -> Iterator[tuple[str, str]]:
    """Yield key and sentences; nothing for a curve of our own loop."""
    runs = study.group.runs
    if study.first.launched in (None, "ours"):
        return
    yield "script_scaling", _scaling(study)
    if study.baseline == 1:
        yield "script_baseline", _baseline(study)
    sources = sorted({run.samples_source or "" for run in runs} & set(_SOURCES))
    if sources:
        words = " and ".join(_SOURCES[x] for x in sources)
        yield "script_samples", f"Samples of a step are counted by {words}.{_tokens(runs)}"
    times = [run.step_time_s for run in runs if run.step_time_s is not None]
    if times and min(times) < _SHORT_S:
        yield (
            "script_short_steps",
            f"The shortest steps take {min(times) * 1e3:.2g} ms: measuring beside a script makes "
            f"each about {_COST_S * 1e3:.2g} ms longer, {_COST_S / min(times):.1%} of them.",
        )


def _tokens(runs: Sequence[RunRecord]) -> str:
    sources = sorted({run.tokens_source or "" for run in runs} & set(_TOKENS))
    return f" Tokens by {' and '.join(_TOKENS[x] for x in sources)}." if sources else ""


def _scaling(study: Study) -> str:
    point = study.first.point
    if len(study.group.world_sizes) < 2:
        return (
            f"The script has {point.local_batch_size} samples a worker at this one world size, "
            "which does not tell whether it scales weakly or strongly; run it at another one."
        )
    if study.scaling == "weak":
        return (
            f"The script keeps {point.local_batch_size} samples a worker at every world size: "
            "weak scaling."
        )
    return (
        f"The script keeps {point.global_batch_size} samples a step, of all workers together: "
        "strong scaling."
    )


def _baseline(study: Study) -> str:
    if study.group.ddp_at_one:
        return "World size 1 is the script without DDP; it also ran with DDP there."
    found = sorted({run.strategy or "" for run in study.runs_at(1)} & set(_STRATEGIES))
    how = " and ".join(_STRATEGIES[x] for x in found) or "as it is"
    return f"World size 1 is the script {how}, as it starts there."
