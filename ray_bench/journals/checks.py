"""What a short run of a script tells of it: what will be measured, what not, and what to add."""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.journals.batches import batches_of
from ray_bench.journals.launch import Launch
from ray_bench.journals.readings import reading_fields
from ray_bench.measure.check import Check

#: Below it a step becomes noticeably longer by being measured.
SHORT_STEP_S = 0.004
_STRATEGIES = {
    "ddp": "DistributedDataParallel",
    "fsdp1": "FSDP (FullyShardedDataParallel)",
    "fsdp2": "FSDP2 (fully_shard)",
    "deepspeed": "DeepSpeed",
    **{f"zero{stage}": f"DeepSpeed, ZeRO stage {stage}" for stage in (1, 2, 3)},
}
_SOURCES = {
    "indices": "the indices that its data loader drew",
    "batch": "the first dimension of its batches",
    "script": "the script itself (ray_bench.step)",
}
_ADD_STEP = "Call ray_bench.step(num_samples=...) after each training step."


def script_checks(launch: Launch) -> list[Check]:
    """Return what was found, in words, of a launch with at least one step."""
    return [
        _steps(launch),
        _batches(launch),
        *_tokens(launch),
        _rate(launch),
        _strategy(launch),
        _model(launch),
        _work(launch),
        _phases(launch),
        _energy(launch),
        *_evaluations(launch),
        Check(
            name="not measured",
            state="ok",
            seen="gradient noise, checkpoints: only of ray_bench's own workloads",
        ),
    ]


def _steps(launch: Launch) -> Check:
    optimizer = launch.facts.get("optimizer")
    who = "ray_bench.step() in the script" if optimizer is None else f"an update of {optimizer}"
    steps = [block for block in launch.first.records if not block.is_warmup]
    if not steps:
        return Check(
            name="steps",
            state="limited",
            seen=f"a step is {who}; it ended before 20 of them were timed",
            change="Let it make more steps.",
        )
    step_s = sum(x.duration_s for x in steps) / sum(x.num_steps for x in steps)
    seen = f"a step is {who}, and takes {step_s * 1e3:.3g} ms at world size {launch.world_size}"
    if step_s >= SHORT_STEP_S:
        return Check(name="steps", state="ok", seen=seen)
    change = "Steps below about 4 ms become longer by being measured: take a larger batch."
    return Check(name="steps", state="limited", seen=seen, change=change)


def _batches(launch: Launch) -> Check:
    found = batches_of(launch)
    if found.source == "unknown" or found.of_a_rank is None:
        seen = "how many samples a step has is not to be seen: no DataLoader of torch gives them"
        return Check(name="samples", state="limited", seen=seen, change=_ADD_STEP)
    parts = f", in {found.num_micro} micro-batches" if (found.num_micro or 1) > 1 else ""
    seen = f"{found.of_a_rank:,} a step and rank{parts}, by {_SOURCES[found.source]}"
    return Check(name="samples", state="ok", seen=seen)


def _tokens(launch: Launch) -> Iterator[Check]:
    source = batches_of(launch).tokens_source
    if source is not None:
        yield Check(name="tokens", state="ok", seen="counted, without padding where a mask tells")


def _rate(launch: Launch) -> Check:
    rates = [x["applied_lr"] for x in launch.first.blocks if x.get("applied_lr") is not None]
    if not rates:
        return Check(name="learning rate", state="unknown", seen="no optimizer of torch has it")
    low, high = min(rates), max(rates)
    seen = f"{high:g}" if low == high else f"{low:g} to {high:g}, as its schedule applied it"
    return Check(name="learning rate", state="ok", seen=seen)


def _strategy(launch: Launch) -> Check:
    found = str(launch.facts.get("strategy") or "unknown")
    if found in _STRATEGIES:
        return Check(name="strategy", state="ok", seen=_STRATEGIES[found])
    seen = "neither DDP nor FSDP"
    if launch.world_size == 1:
        seen += " at world size 1: the baseline is without them, if it has them at others"
    return Check(name="strategy", state="ok" if launch.world_size == 1 else "unknown", seen=seen)


def _model(launch: Launch) -> Check:
    facts = launch.facts
    params = facts.get("num_params")
    words = ["an unknown number of parameters" if params is None else f"{params:,} parameters"]
    words.append(f"{facts.get('dtype') or 'of an unknown type'} on {facts.get('device')}")
    words += [f"autocast {facts['autocast']}"] if facts.get("autocast") else []
    words += ["compiled"] if facts.get("is_compiled") else []
    return Check(name="model", state="ok", seen=", ".join(words))


def _work(launch: Launch) -> Check:
    flops = reading_fields(launch).get("flops_per_sample")
    if flops is None:
        why = ": it is compiled" if launch.facts.get("is_compiled") else ""
        return Check(name="work", state="unknown", seen=f"operations could not be counted{why}")
    seen = f"{flops:.3g} FLOP a sample, of products, convolutions and attention"
    return Check(name="work", state="ok", seen=seen)


def _phases(launch: Launch) -> Check:
    if launch.first.stamps:
        seen = "steps are taken apart by phase after the timed ones"
        return Check(name="phases", state="ok", seen=seen)
    why = "it is compiled" if launch.facts.get("is_compiled") else "it made too few steps"
    return Check(name="phases", state="unknown", seen=f"steps were not taken apart: {why}")


def _energy(launch: Launch) -> Check:
    if reading_fields(launch).get("energy_j") is None:
        return Check(name="energy", state="unknown", seen="no counter can be read here")
    return Check(name="energy", state="ok", seen="counters of this machine can be read")


def _evaluations(launch: Launch) -> Iterator[Check]:
    rank = launch.first
    epochs, took = {block.epoch for block in rank.records}, [x["eval_s"] for x in rank.evaluations]
    if len(epochs) > 1:
        seen = f"training was interrupted {len(epochs) - 1} times, which is not timed"
        seen += f"; {len(took)} evaluations took {sum(took):.3g} s" if took else ""
        yield Check(name="evaluation", state="ok", seen=seen)
    if rank.metrics:
        names = sorted({str(name) for line in rank.metrics for name in line["values"]})
        yield Check(name="reported", state="ok", seen=", ".join(names))
