"""A measured run as the replay needs it: what grows with the batch, what does not, the buckets.

The phases come from the phase pass; the throughput pass says how long a step really takes, and the
phases are scaled to it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.accumulation import cuts_of
from ray_bench.analysis.batches import step_samples
from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.phases import PhaseSplit, phase_splits, run_phases
from ray_bench.analysis.replay.batch import BatchLine, BatchPoint
from ray_bench.analysis.replay.schedule import (
    DEFAULT_CAP_BYTES,
    Buckets,
    default_buckets,
    measured_buckets,
)
from ray_bench.analysis.replay.skew import Spread, step_spread
from ray_bench.analysis.study import Study
from ray_bench.analysis.sync import EXPOSED_PHASES
from ray_bench.config.settings import cap_of
from ray_bench.errors import AnalysisError
from ray_bench.records import Results, RunRecord, Scaling, known
from ray_bench.stats.buckets import MIB
from ray_bench.stats.log_estimate import LogEstimate

#: What grows with the batch of a worker, the backward pass apart.
_BEFORE = ("data_wait", "host_to_device", "forward", "loss")
#: Noise of a world size without repeats, relative.
_UNKNOWN_SD = 0.01
#: Of the bytes of fp32 gradients, with `ddp.compression=bf16`.
_BF16_FRAC = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProfile:
    """One world size, measured: seconds of a step without communication, and its buckets."""

    world_size: int
    is_ddp: bool
    scaling: Scaling  # as measured
    global_batch: float  # samples of all workers in a step, as they were counted
    throughput: LogEstimate  # samples/s
    reference: LogEstimate  # samples/s without DDP, where that was measured too
    before_s: float  # data, forward and loss: grows with the batch per worker
    backward_s: float  # grows with the batch per worker
    fixed_s: float  # optimizer and what no phase explains
    pass_ratio: float  # step time of the throughput pass / of the phase pass
    buckets: Buckets
    spread: Spread | None  # None below two sampled steps
    line: BatchLine
    backend: str | None

    @property
    def local_batch(self) -> float:
        """Samples per worker and step."""
        return self.global_batch / self.world_size


def step_profile(
    results: Results, study: Study, others: Sequence[tuple[Results, Study]] = ()
) -> StepProfile:
    """Return the profile of a study's smallest world size, with DDP where that was measured.

    Args:
        results: The sweep.
        study: One of its groups.
        others: Sweeps of the same training with other batches, for time against batch.

    Raises:
        AnalysisError: No step was sampled, no throughput, nothing is known of the gradients, or
            the micro-batches of a step differ between world sizes.
    """
    cuts = cuts_of(study.group.runs)
    if cuts is not None and cuts.most is not None:
        raise AnalysisError(
            "The replay does not know how a step is cut at other world sizes: micro-batches came "
            f"from max_local_batch_size={cuts.most}. Measure with a fixed accumulate_steps."
        )
    runs, throughput = _base(study)
    if any("sparse_gradients" in run.flags for run in _all_runs(study)):
        raise AnalysisError(
            "Gradients are sparse, and what is sent of them depends on every rank's batch: no step "
            "can be replayed at another world size. Measure that world size, or train with "
            "sparse=False."
        )
    phases = split_by_run(results.phases)
    splits = phase_splits(runs, phases)
    if not splits:
        raise AnalysisError(
            f"No steps were sampled at {study.baseline} worker(s), so their phases are unknown; "
            "measure again with measure.phase_steps=20."
        )
    (split,) = splits
    point = runs[0].point
    batch = step_samples(runs)
    ratio = batch / throughput.estimate.value / split.total_s
    tables = [phases[run.run_id] for run in runs if run.run_id in phases]
    spread = step_spread(tables)
    own = {name: s * ratio for name, s in split.step_s.items() if not _is_waiting(name, split)}
    all_backward_s = own.pop("backward", 0.0)
    # Of several micro-batches the last one's gradients are reduced, while it computes them.
    backward_s = all_backward_s / point.num_micro_batches
    before_s = sum(own.pop(name, 0.0) for name in _BEFORE) + all_backward_s - backward_s
    return StepProfile(
        world_size=point.world_size,
        is_ddp=point.is_ddp,
        scaling=known(point.scaling),
        global_batch=batch,
        throughput=throughput,
        reference=study.throughput.get(study.baseline, throughput),
        before_s=before_s,
        backward_s=backward_s,
        fixed_s=sum(own.values()),
        pass_ratio=ratio,
        buckets=_buckets(results, study, runs),
        spread=None if spread is None else Spread(spread.seconds * ratio, spread.df),
        line=BatchLine(
            batch=batch / point.world_size,
            points=_points([(results, study), *others], study),
        ),
        backend=next((run.backend for run in study.group.runs if run.backend), None),
    )


def _base(study: Study) -> tuple[tuple[RunRecord, ...], LogEstimate]:
    """Return the runs to start from: world size 1 in DDP where it was measured, for its buckets."""
    if study.baseline == 1 and study.ddp_at_one is not None:
        return study.group.ddp_at_one, study.ddp_at_one
    if study.baseline not in study.throughput:
        raise AnalysisError(
            f"No run of {study.baseline} worker(s) was long enough to time; measure more steps."
        )
    return study.runs_at(study.baseline), study.throughput[study.baseline]


def _is_waiting(phase: str, split: PhaseSplit) -> bool:
    # A single worker in DDP waits for nobody: what it takes there is DDP's own time.
    return phase in EXPOSED_PHASES and split.world_size > 1


def _buckets(results: Results, study: Study, base: Sequence[RunRecord]) -> Buckets:
    """Return the schedule of the base, else of the smallest world size that has one, else DDP's."""
    found, phases = split_by_run(results.buckets), split_by_run(results.phases)
    for runs in (base, *(study.runs_at(n) for n in study.group.world_sizes)):
        kept = [run for run in runs if run.run_id in found and run.run_id in phases]
        backward = [
            run_phases(phases[run.run_id]).get("backward", 0.0) / run.point.num_micro_batches
            for run in kept
        ]
        if kept and all(backward):
            tables = [found[run.run_id] for run in kept]
            return measured_buckets(tables, backward, kept[0].point.world_size)
    wrapped_first = sorted(_all_runs(study), key=lambda run: not run.point.is_ddp)
    known = next((run for run in wrapped_first if run.grad_bytes), None)
    if known is None or known.grad_bytes is None:
        raise AnalysisError(
            "Nothing is known of the gradients: there are neither buckets nor their size; measure "
            "again with this version."
        )
    sent_frac = _BF16_FRAC if known.point.compression == "bf16" else 1.0
    return default_buckets(known.grad_bytes, _cap_bytes(results, study), sent_frac)


def _all_runs(study: Study) -> tuple[RunRecord, ...]:
    return (*study.group.runs, *study.group.ddp_at_one)


def _cap_bytes(results: Results, study: Study) -> float:
    """Return the cap that DDP was given, else the first that was asked for."""
    known = next((run.bucket_cap_mb for run in _all_runs(study) if run.bucket_cap_mb), None)
    if known is not None:
        return known * MIB
    try:
        asked = json.loads(results.sweep.config_json)["ddp"]["bucket_cap_mb"]
        # A version before settings could be swept wrote a number.
        cap = cap_of(asked[0] if isinstance(asked, list) else asked)
    except (ValueError, KeyError, TypeError):  # written by hand, or by another program
        return DEFAULT_CAP_BYTES
    return DEFAULT_CAP_BYTES if cap == "auto" else cap * MIB


def _points(sweeps: Sequence[tuple[Results, Study]], like: Study) -> tuple[BatchPoint, ...]:
    """Return compute seconds by batch per worker, of runs at the world size of `like`."""
    found = []
    for results, study in sweeps:
        if _same_training(study) != _same_training(like):
            continue
        runs, throughput = _base(study)
        for split in phase_splits(runs, split_by_run(results.phases)):
            batch = step_samples(runs)
            ratio = batch / throughput.estimate.value / split.total_s
            seconds = sum(split.step_s.get(name, 0.0) for name in (*_BEFORE, "backward")) * ratio
            sd = _UNKNOWN_SD if throughput.variance is None else throughput.variance**0.5
            found.append(BatchPoint(batch / split.world_size, seconds, sd))
    return tuple(found)


def _same_training(study: Study) -> tuple[object, ...]:
    """Return what has to be equal where batches are compared."""
    apart = ("batch", "scaling")
    key = (pair for pair in study.group.key.items() if pair[0] not in apart)
    return (study.baseline, study.ddp_at_one is not None, *key)
