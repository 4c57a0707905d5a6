"""One group of comparable runs, analysed: everything that the report says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.accuracy import AccuracyRow, accuracy_rows
from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.estimate import LogEstimate, Source
from ray_bench.analysis.groups import Group, groups_of
from ray_bench.analysis.laws.law import Law, fit_law
from ray_bench.analysis.phases import PhaseSplit, phase_splits
from ray_bench.analysis.predict import Prediction, predictions
from ray_bench.analysis.resources import ResourceRow, resource_rows
from ray_bench.analysis.scaling import ScalingRow, scaling_rows
from ray_bench.analysis.throughput import pooled, source_of, throughputs
from ray_bench.analysis.times import TimeRow, time_rows
from ray_bench.analysis.verdict import Verdict, clean_sizes, judge
from ray_bench.records import Results, RunRecord, Scaling

Tables = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The results of one group. Rows are in ascending order of world size."""

    group: Group
    throughput: Mapping[int, LogEstimate]  # samples/s
    rows: tuple[ScalingRow, ...]
    ddp_at_one: LogEstimate | None  # samples/s of world size 1 with the DDP wrapper
    law: Law | None
    predictions: tuple[Prediction, ...]
    times: tuple[TimeRow, ...]
    resources: tuple[ResourceRow, ...]
    phases: tuple[PhaseSplit, ...]
    accuracy: tuple[AccuracyRow, ...]
    verdict: Verdict

    @property
    def first(self) -> RunRecord:
        """Any run, for what is equal in all of them."""
        return self.group.runs[0]

    @property
    def scaling(self) -> Scaling:
        """Which batch was fixed."""
        return self.first.point.scaling

    @property
    def batch_size(self) -> int:
        """The batch that was fixed: global in strong scaling, per worker in weak scaling."""
        point = self.first.point
        return point.local_batch_size if self.scaling == "weak" else point.global_batch_size

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


def studies(results: Results) -> tuple[Study, ...]:
    """Analyse every group of comparable runs, the one with most world sizes first."""
    tables = [split_by_run(x) for x in (results.blocks, results.phases, results.epochs)]
    return tuple(_study(group, *tables) for group in groups_of(results))


def _study(group: Group, blocks: Tables, phases: Tables, epochs: Tables) -> Study:
    point = group.runs[0].point
    weak = point.scaling == "weak"
    batch = point.local_batch_size if weak else point.global_batch_size
    throughput = throughputs(group.runs, blocks)
    rows = scaling_rows(throughput, point.scaling)
    claimed = clean_sizes(group.runs)
    clean = {n: x for n, x in throughput.items() if n in claimed}
    law = fit_law(pooled(clean), point.scaling, batch) if len(clean) > 1 else None
    times = time_rows(group.runs, throughput)
    splits = phase_splits(group.runs, phases)
    return Study(
        group=group,
        throughput=throughput,
        rows=rows,
        ddp_at_one=throughputs(group.ddp_at_one, blocks).get(1),
        law=law,
        predictions=predictions(law, rows, point.scaling, batch) if law else (),
        times=times,
        resources=resource_rows(group.runs, times),
        phases=splits,
        accuracy=accuracy_rows(group.runs, epochs),
        verdict=judge(group.runs, throughput, rows, splits),
    )
