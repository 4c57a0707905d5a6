"""One group of comparable runs, analysed: everything that the report says about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.accuracy import AccuracyRow, accuracy_rows
from ray_bench.analysis.anomalies import Anomaly, anomalies
from ray_bench.analysis.block_times import BlockTime, block_times
from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.curve import Curve, curve_of
from ray_bench.analysis.decision.advice import Ask, Decision, decide
from ray_bench.analysis.decision.options import Measured
from ray_bench.analysis.decision.target import convergence, default_target
from ray_bench.analysis.estimate import LogEstimate, Source
from ray_bench.analysis.fit.forecast import CurveFit, fit_curve
from ray_bench.analysis.fit.points import points_of
from ray_bench.analysis.fit.serial import SerialLaw, serial_law
from ray_bench.analysis.groups import Group, first_of_launches, groups_of
from ray_bench.analysis.losses import Steps
from ray_bench.analysis.nodes import (
    boundary_fall,
    nodes_by_size,
    workers_per_node,
)
from ray_bench.analysis.noise_scale import NoiseRow, noise_rows
from ray_bench.analysis.phases import PhaseSplit, phase_splits
from ray_bench.analysis.predict import Prediction, predictions
from ray_bench.analysis.progress import MAX_DRAWN_EPOCHS, ProgressRow, progress_rows
from ray_bench.analysis.rank_times import RankTime, rank_times
from ray_bench.analysis.resources import ResourceRow, resource_rows
from ray_bench.analysis.scaling import ScalingRow, scaling_rows
from ray_bench.analysis.stragglers import RankLag, rank_lags
from ray_bench.analysis.sync import SyncSplit, sync_splits
from ray_bench.analysis.throughput import source_of, throughputs
from ray_bench.analysis.times import TimeRow, time_rows
from ray_bench.analysis.verdict import Verdict, clean_sizes, judge
from ray_bench.analysis.waterfall import Waterfall, waterfalls
from ray_bench.records import Results, RunRecord, Scaling, known

Tables = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The results of one group. Rows are in ascending order of world size."""

    group: Group
    curve: Curve
    rows: tuple[ScalingRow, ...]
    ddp_at_one: LogEstimate | None  # samples/s of world size 1 with the DDP wrapper
    law: SerialLaw | None
    fit: CurveFit | None  # None with fewer than two world sizes that carry a claim
    predictions: tuple[Prediction, ...]
    times: tuple[TimeRow, ...]
    resources: tuple[ResourceRow, ...]
    phases: tuple[PhaseSplit, ...]
    syncs: tuple[SyncSplit, ...]
    lags: Mapping[int, tuple[RankLag, ...]]  # slow ranks by world size
    waterfalls: tuple[Waterfall, ...]  # of every world size but the baseline
    anomalies: tuple[Anomaly, ...]
    accuracy: tuple[AccuracyRow, ...]
    noise: tuple[NoiseRow, ...]  # by world size and learning-rate rule
    progress: tuple[ProgressRow, ...]
    learning: tuple[ProgressRow, ...]  # the same with more epochs, for pictures
    rank_times: Mapping[int, tuple[RankTime, ...]]  # by world size
    block_times: tuple[BlockTime, ...]
    verdict: Verdict
    decision: Decision

    @property
    def throughput(self) -> Mapping[int, LogEstimate]:
        """Samples/s by world size."""
        return self.curve.throughput

    @property
    def is_ladder(self) -> bool:
        """Whether all world sizes took turns in one group of workers."""
        return any(run.ladder_id is not None for run in self.group.runs)

    @property
    def is_emulated(self) -> bool:
        """Whether the accelerator was emulated by sleeping."""
        return any("emulated" in run.flags for run in self.group.runs)

    @property
    def first(self) -> RunRecord:
        """Any run, for what is equal in all of them."""
        return self.group.runs[0]

    @property
    def scaling(self) -> Scaling:
        """Which batch was fixed."""
        return known(self.first.point.scaling)

    @property
    def batch_size(self) -> int:
        """The batch that was fixed: global in strong scaling, per worker in weak scaling."""
        point = self.first.point
        return known(point.local_batch_size if self.scaling == "weak" else point.global_batch_size)

    @property
    def baseline(self) -> int:
        """The smallest world size that was measured."""
        return self.group.world_sizes[0]

    @property
    def first_baseline(self) -> RunRecord:
        """Any run of the smallest world size."""
        return self.runs_at(self.baseline)[0]

    @property
    def source(self) -> Source:
        """Where the intervals come from."""
        return source_of(self.throughput.values())

    def runs_at(self, world_size: int) -> tuple[RunRecord, ...]:
        """Return the curve's runs of one world size."""
        return tuple(run for run in self.group.runs if run.point.world_size == world_size)


@dataclass(frozen=True, slots=True)
class _Long:
    """The long tables, by run."""

    blocks: Tables
    phases: Tables
    epochs: Tables
    buckets: Tables
    pairs: Tables


def studies(results: Results, ask: Ask | None = None) -> tuple[Study, ...]:
    """Analyse every group of comparable runs, the one with most world sizes first.

    Args:
        results: One sweep.
        ask: What to decide for; by default a balance of time and money.
    """
    tables = _Long(
        blocks=split_by_run(results.blocks),
        phases=split_by_run(results.phases),
        epochs=split_by_run(results.epochs),
        buckets=split_by_run(results.buckets),
        pairs=split_by_run(results.sync_pairs),
    )
    return tuple(_study(group, tables, ask or Ask(), results) for group in groups_of(results))


def _study(group: Group, tables: _Long, ask: Ask, results: Results) -> Study:
    environments = results.environments
    point = group.runs[0].point
    scaling: Scaling = known(point.scaling)
    batch = known(point.local_batch_size if scaling == "weak" else point.global_batch_size)
    curve = curve_of(group.timed, tables.blocks)
    rows = scaling_rows(curve, scaling)
    claimed = [run for run in group.timed if run.point.world_size in clean_sizes(group.runs)]
    clean = curve.only(clean_sizes(group.runs))
    held = workers_per_node(claimed, environments)
    points = (
        points_of(clean.throughput, scaling, workers_per_node=held)
        if len(clean.sizes) > 1
        else None
    )
    failed = frozenset(r.point.world_size for r in results.failed_runs) - {*group.world_sizes}
    fit = fit_curve(points, is_unit_sure=True) if points else None
    times = time_rows(group.timed, curve.throughput)
    resources = resource_rows(group.timed, times)
    steps = _steps(group.timed, tables)
    target = ask.target_frac or default_target(group.runs, tables.epochs)
    measured = Measured(
        curve=clean,
        fit=fit,
        times=times,
        resources=resources,
        convergence=convergence(group.runs, tables.epochs, target) if target else {},
        scaling=scaling,
        batch_size=batch,
        num_train_samples=group.runs[0].num_train_samples,
        is_ladder=any(run.ladder_id is not None for run in group.runs),
        failed_sizes=failed,
    )
    return Study(
        group=group,
        curve=curve,
        rows=rows,
        ddp_at_one=throughputs(first_of_launches(group.ddp_at_one), tables.blocks).get(1),
        law=serial_law(points) if points else None,
        fit=fit,
        predictions=predictions(fit, rows, scaling, batch) if fit else (),
        times=times,
        resources=resources,
        phases=tuple(steps.splits.values()),
        syncs=tuple(steps.syncs.values()),
        lags=steps.lags,
        waterfalls=waterfalls(group.timed, curve, times, steps, tables.phases),
        anomalies=anomalies(group.timed, clean, rows, tables.blocks),
        accuracy=accuracy_rows(group.runs, tables.epochs),
        noise=noise_rows(group.runs),
        progress=progress_rows(group.runs, tables.epochs),
        learning=progress_rows(group.runs, tables.epochs, MAX_DRAWN_EPOCHS),
        rank_times=rank_times(group.timed, tables.phases),
        block_times=block_times(group.timed, tables.blocks),
        verdict=judge(
            group.runs, rows, steps, boundary_fall(clean, nodes_by_size(claimed, environments))
        ),
        decision=decide(
            measured,
            ask,
            target_frac=target,
            num_sizes=len(group.world_sizes),
            num_clean=len(clean_sizes(group.runs)),
        ),
    )


def _steps(runs: Sequence[RunRecord], tables: _Long) -> Steps:
    splits = phase_splits(runs, tables.phases)
    syncs = sync_splits(runs, tables.phases, tables.buckets, tables.pairs)
    return Steps(
        splits={split.world_size: split for split in splits},
        syncs={split.world_size: split for split in syncs},
        lags=rank_lags(runs, tables.phases),
    )
