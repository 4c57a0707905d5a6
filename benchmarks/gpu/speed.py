"""Parts that compare loops in one process: paths, ceiling, parity, instruments."""

from __future__ import annotations

import itertools
from typing import Any

import torch

from benchmarks.common import Aim, Measure
from benchmarks.gpu.lab import Arm, Found, Lab, our_arm, rates, turns
from benchmarks.gpu.plain import bare_arm, ceiling_arm, naive_arm
from ray_bench.train.loop import Loop
from ray_bench.train.shares import endless, whole

PARITY_AIM = Aim(bound="at most", value=1.02)
INSTRUMENTS_AIM = Aim(bound="at most", value=1.01)


def paths(lab: Lab) -> Found:
    """Compare images/s of our path, eager and compiled, with the tutorial's."""
    found = Found()
    for workload in lab.sizes.workloads:
        eager = lab.loop(lab.throughput_config(workload))
        how = f"compile={lab.sizes.compile}"
        compiled = lab.loop(lab.throughput_config(workload, how))
        if compiled.compile_s is not None:
            found.measures.append(
                Measure(name=f"{workload}: compilation", value=compiled.compile_s, unit="s")
            )
        _reset_memory(lab)
        arms = {
            "ours": our_arm(eager),
            "ours compiled": our_arm(compiled),
            "naive": naive_arm(lab, workload),
        }
        step_s = turns(lab, arms)
        by_arm = {name: rates(seconds, lab.sizes.batch) for name, seconds in step_s.items()}
        for top in ("ours", "ours compiled"):
            name = f"{workload}, batch {lab.sizes.batch}: {top} over naive"
            found.compare(name, by_arm, top, "naive", "images/s")
        found.peak_memory(f"{workload}: peak memory of all three", lab.device)
        if not lab.has_time:
            found.notes.append(f"paths: stopped after {workload}, its time was over.")
            break
    found.notes.append(
        "Naive: eager fp32 (TF32 as torch's defaults have it), default layout, DataLoader with "
        "per-image transforms, SGD's default; the loader is part of the step."
    )
    return found


def ceiling(lab: Lab) -> Found:
    """Compare our path at its batch, and at a large one, with what the device does at most."""
    found = Found()
    for workload in lab.sizes.workloads:
        large = lab.sizes.ceiling_batch
        loop = lab.loop(
            lab.throughput_config(workload, f"compile={lab.sizes.compile}", f"batch_size={large}")
        )
        arms = {
            "ours": our_arm(loop),
            "ceiling": ceiling_arm(lab, workload),
        }
        by_arm = {name: rates(seconds, large) for name, seconds in turns(lab, arms).items()}
        name = f"{workload}, batch {large}, compiled: ours over ceiling"
        found.compare(name, by_arm, "ours", "ceiling", "images/s")
        if not lab.has_time:
            found.notes.append(f"ceiling: stopped after {workload}, its time was over.")
            break
    found.notes.append(
        "Ceiling: the same model on one batch of random images on the device, bf16, channels-last, "
        "compiled, fused SGD, nothing else."
    )
    return found


def instruments(lab: Lab) -> Found:
    """Compare our loop with its timer, and the phase pass, with a bare loop on the same model."""
    found = Found()
    workload = lab.sizes.workloads[0]
    timed = lab.loop(lab.throughput_config(workload))
    bare = lab.loop(lab.throughput_config(workload))
    step_s = turns(lab, {"our loop": _timed_arm(timed), "bare": bare_arm(lab, bare)})
    name = f"{workload}: throughput pass over bare (parity with plain PyTorch, 1 worker)"
    found.compare(name, step_s, "our loop", "bare", "s/step", aim=INSTRUMENTS_AIM)
    marked = lab.loop(lab.throughput_config(workload))
    pass_s = turns(lab, {"phase pass": _marked_arm(marked), "bare": bare_arm(lab, bare)})
    name = f"{workload}: phase pass over bare (never part of a throughput)"
    found.compare(name, pass_s, "phase pass", "bare", "s/step")
    return found


def _timed_arm(loop: Loop) -> Arm:
    """The product's own timed steps, as every run makes them."""
    timer, done = loop.block_timer(), itertools.count()
    stream = whole(endless(loop.batches, loop.group))

    def arm(num_steps: int) -> None:
        loop.train_steps(timer, stream, epoch=next(done) + 1, first_step=0, num_steps=num_steps)

    return arm


def _marked_arm(loop: Loop) -> Arm:
    from ray_bench.measure.phases import PhaseProbe

    stream: Any = whole(endless(loop.batches, loop.group))
    probe = PhaseProbe(loop.clock, loop.group.device)

    def arm(num_steps: int) -> None:
        for step in range(num_steps):
            probe.start()
            share = next(stream)
            probe.mark("data_wait")
            loop.stepper.step(share, mark=probe.mark, after_backward=probe.after_backward)
            probe.finish(step)

    return arm


def _reset_memory(lab: Lab) -> None:
    if lab.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(lab.device)
