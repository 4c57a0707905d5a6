"""The part that goes through Ray Train: is everything there, does it add up, what does Ray cost?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, final

from benchmarks.common import Aim, Comparison, Measure
from benchmarks.gpu.lab import Found, Lab, turns
from benchmarks.gpu.plain import bare_arm
from benchmarks.gpu.speed import PARITY_AIM
from ray_bench.analysis.resources import mfu_frac
from ray_bench.config.grid import expand
from ray_bench.launch.words import RankWords
from ray_bench.records import NetworkRecord, PlannedRun, RunData

#: A phase pass waits for the device at each end of a step: it may be that much slower.
ADDS_UP = Aim(bound="at most", value=1.25)


@final
class _Kept:
    """Keeps what the sweep hands over."""

    def __init__(self) -> None:
        self.finished: list[RunData] = []

    def joined(self) -> None:
        """The cluster is there."""

    def run_started(self, planned: PlannedRun) -> None:
        """A run begins."""
        del planned

    def rank_told(self, planned: PlannedRun, words: RankWords) -> None:
        """Nobody watches."""
        del planned, words

    def run_finished(self, data: RunData) -> None:
        """A run has ended."""
        self.finished.append(data)

    def network_measured(self, records: Sequence[NetworkRecord]) -> None:
        """Nothing is asked of the network."""
        del records

    def network_failed(self, reason: str) -> None:
        """Nothing is asked of the network."""
        del reason

    def note(self, text: str) -> None:
        """Say it."""
        print(text)

    def stopping(self) -> None:
        """The end of the sweep is awaited."""

    def head_lost(self, reason: str) -> None:
        """Say it."""
        print(reason)


def through_ray(lab: Lab) -> Found:
    """Train with every instrument on, once through Ray; compare its step with a bare loop's.

    Raises:
        RuntimeError: A run failed, or a number that must be there is not.
    """
    found = Found()
    workload = lab.sizes.workloads[0]
    config = lab.config(workload, f"steps={lab.sizes.steps}", "repeats=2", "measure.sentinel=false")
    bare_loop = lab.loop(lab.throughput_config(workload))
    arm = bare_arm(lab, bare_loop)
    before = turns(lab, {"bare": arm})["bare"]
    runs = _runs(config)
    after = turns(lab, {"bare": arm})["bare"]
    for data in runs:
        check(data, is_cuda=lab.device.type == "cuda")
    found.comparisons.append(
        Comparison(
            name=f"{workload}: step through Ray over bare PyTorch before and after, 1 worker",
            top="Ray",
            bottom="bare",
            unit="s/step",
            pairs=tuple(
                (data.run.step_time_s or math.nan, sum(bare) / len(bare))
                for data, bare in zip(runs, (before, after), strict=True)
            ),
            aim=PARITY_AIM,
        )
    )
    found.measures += measures_of(workload, runs[0])
    return found


def _runs(config: Any) -> list[RunData]:
    from ray_bench.launch import settings

    settings.apply_defaults()  # before Ray is imported
    from ray_bench.launch.sweep import run_sweep

    kept = _Kept()
    run_sweep(
        config,
        expand(config),
        sweep_id=f"gpu-{datetime.now(UTC):%H%M%S}",
        attempts={},
        address=None,
        listener=kept,
    )
    failed = [data.run for data in kept.finished if data.run.status != "ok"]
    if failed:
        raise RuntimeError(f"{failed[0].error_type}: {failed[0].error_message}")
    return kept.finished


def check(data: RunData, *, is_cuda: bool) -> None:
    """Check that a run has every number that this device gives.

    Raises:
        RuntimeError: Names what is missing or impossible.
    """
    run = data.run
    wanted = {
        "throughput": run.throughput_samples_per_s,
        "peak memory": run.peak_memory_bytes,
        "phases": len(data.phases) or None,
        "FLOPs a sample": run.flops_per_sample,
    }
    if is_cuda:
        wanted |= {"energy": run.energy_j, "utilisation": run.gpu_util_frac, "MFU": mfu_frac(run)}
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        raise RuntimeError(f"The run through Ray lacks {', '.join(missing)}.")
    mfu = mfu_frac(run)
    if mfu is not None and not 0 < mfu < 1:
        raise RuntimeError(f"MFU is {mfu:.2f}, which cannot be.")
    if min(phase.duration_s for phase in data.phases) < -1e-5:  # events resolve half a microsecond
        raise RuntimeError("A phase of a step is negative: the events are out of order.")


def measures_of(workload: str, data: RunData) -> list[Measure]:
    """Return what a run through Ray measured, and whether its phases add up to its step."""
    run = data.run
    steps: dict[int, float] = defaultdict(float)
    other = 0.0
    for phase in data.phases:
        steps[phase.step] += phase.duration_s
        other += phase.duration_s if phase.phase == "other" else 0.0
    typical_s = sorted(steps.values())[len(steps) // 2]
    values = (
        ("throughput", run.throughput_samples_per_s, "images/s", None),
        ("phases of a step, added up, over its time", typical_s / (run.step_time_s or math.nan),
         "", ADDS_UP),
        ("share of a step that no phase explains", other / sum(steps.values()), "", None),
        ("peak memory", run.peak_memory_bytes, "byte", None),
        ("energy of the run", run.energy_j, "J", None),
        ("MFU", mfu_frac(run), "", None),
        ("GPU utilisation", run.gpu_util_frac, "", None),
        ("start-up", run.setup_s, "s", None),
        ("checkpoint", run.checkpoint_s, "s", None),
    )  # fmt: skip
    return [
        Measure(name=f"{workload} through Ray: {name}", value=value, unit=unit, aim=aim)
        for name, value, unit, aim in values
        if value is not None
    ]
