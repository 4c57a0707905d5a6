"""One group of comparable runs as it was measured: no law, no forecast, no decision.

Nothing is computed before it is asked for, and everything once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar, final

from ray_bench.analysis.accuracy import AccuracyRow, accuracy_rows
from ray_bench.analysis.anomalies import Anomaly, anomalies
from ray_bench.analysis.batches import BatchRow, batch_rows
from ray_bench.analysis.block_times import BlockTime, block_times
from ray_bench.analysis.curve import Curve, curve_of
from ray_bench.analysis.groups import Group, first_of_launches
from ray_bench.analysis.long_tables import LongTables
from ray_bench.analysis.losses import Steps
from ray_bench.analysis.nodes import boundary_fall, nodes_by_size
from ray_bench.analysis.noise_curve import NoiseEpoch, noise_curve
from ray_bench.analysis.noise_scale import NoiseRow, noise_rows
from ray_bench.analysis.parity.history import Histories
from ray_bench.analysis.parity.runs import runs_of
from ray_bench.analysis.phases import PhaseSplit, phase_splits
from ray_bench.analysis.progress import MAX_DRAWN_EPOCHS, ProgressRow, progress_rows
from ray_bench.analysis.rank_times import RankTime, rank_times
from ray_bench.analysis.resources import ResourceRow, resource_rows
from ray_bench.analysis.scaling import ScalingRow, scaling_rows
from ray_bench.analysis.stragglers import RankLag, rank_lags
from ray_bench.analysis.sync import SyncSplit, sync_splits
from ray_bench.analysis.throughput import throughputs
from ray_bench.analysis.times import TimeRow, time_rows
from ray_bench.analysis.verdict import Verdict, clean_sizes, judge
from ray_bench.analysis.waterfall import Waterfall, waterfalls
from ray_bench.records import Results, RunRecord, Scaling, known
from ray_bench.stats.log_estimate import LogEstimate, Source, source_of


class OfSize(Protocol):
    """A row of one world size."""

    @property
    def world_size(self) -> int:
        """The world size."""


_Row = TypeVar("_Row", bound=OfSize)


class Observed:
    """What was measured of one group. Rows are in ascending order of world size.

    Args:
        group: Comparable runs.
        results: The sweep that they are of.
        tables: Its long tables, which all groups share.
    """

    def __init__(self, group: Group, results: Results, tables: LongTables) -> None:
        self.group = group
        self._results = results
        self._tables = tables

    @cached_property
    def curve(self) -> Curve:
        """Samples/s by world size, of all that were timed."""
        return curve_of(self._timed, self._tables.blocks)

    def part_curve(self, run_ids: Collection[str]) -> Curve:
        """Return the curve of some of its runs, as of one learning-rate rule."""
        runs = [run for run in self._timed if run.run_id in run_ids]
        return curve_of(runs, self._tables.blocks)

    @cached_property
    def clean_sizes(self) -> tuple[int, ...]:
        """World sizes that carry a claim, timed or not."""
        return clean_sizes(self.group.runs)

    @cached_property
    def clean(self) -> Curve:
        """The curve of the world sizes that carry a claim."""
        return self.curve.only(self.clean_sizes)

    @cached_property
    def claimed(self) -> tuple[RunRecord, ...]:
        """The timed runs that carry a claim."""
        clean = set(self.clean_sizes)
        return tuple(run for run in self._timed if run.point.world_size in clean)

    @cached_property
    def rows(self) -> tuple[ScalingRow, ...]:
        """Speedups and efficiencies."""
        return scaling_rows(self.curve, self.scaling)

    @cached_property
    def ddp_at_one(self) -> LogEstimate | None:
        """Samples/s of world size 1 with the DDP wrapper."""
        runs = first_of_launches(self.group.ddp_at_one)
        return throughputs(runs, self._tables.blocks).get(1) if runs else None

    @cached_property
    def times(self) -> tuple[TimeRow, ...]:
        """How long training takes."""
        return time_rows(self._timed, self.curve.throughput)

    @cached_property
    def resources(self) -> tuple[ResourceRow, ...]:
        """What a run takes."""
        return resource_rows(self._timed, self.times)

    @cached_property
    def phases(self) -> tuple[PhaseSplit, ...]:
        """What a step is made of."""
        return tuple(self._steps.splits.values())

    @cached_property
    def syncs(self) -> tuple[SyncSplit, ...]:
        """What gradient synchronisation costs."""
        return tuple(self._steps.syncs.values())

    @property
    def lags(self) -> Mapping[int, tuple[RankLag, ...]]:
        """Slow ranks by world size."""
        return self._steps.lags

    @cached_property
    def waterfalls(self) -> tuple[Waterfall, ...]:
        """Where efficiency goes, of every world size but the baseline."""
        return waterfalls(self._timed, self.curve, self.times, self._steps, self._tables.phases)

    @cached_property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """What is odd in the measurements."""
        return anomalies(self._timed, self.clean, self.rows, self._tables.blocks)

    @cached_property
    def accuracy(self) -> tuple[AccuracyRow, ...]:
        """What was learnt."""
        return accuracy_rows(self.trained, self._tables.epochs)

    @cached_property
    def trained(self) -> tuple[RunRecord, ...]:
        """The runs that learning is judged by: the group's, and others that trained alike."""
        return runs_of(self.group, self._results)

    @cached_property
    def _learnt(self) -> tuple[RunRecord, ...]:
        """Those of `trained` that came to their end."""
        return tuple(run for run in self.trained if run.is_finished)

    @cached_property
    def timed_ids(self) -> frozenset[str]:
        """Runs of the curve whose times may be compared: not with more ranks than cores or GPUs."""
        clean = set(self.clean_sizes)
        return frozenset(x.run_id for x in self.group.runs if x.point.world_size in clean)

    @property
    def histories(self) -> Histories:
        """Evaluations by run."""
        return self._tables.histories

    @cached_property
    def noise(self) -> tuple[NoiseRow, ...]:
        """Gradient noise scales by world size and learning-rate rule."""
        return noise_rows(self._learnt)

    @cached_property
    def noise_curve(self) -> tuple[NoiseEpoch, ...]:
        """Gradient noise scales by world size, rule and epoch."""
        return noise_curve(self._learnt, self._tables.epochs)

    @cached_property
    def progress(self) -> tuple[ProgressRow, ...]:
        """Losses and accuracies by epoch."""
        return progress_rows(self.group.runs, self._tables.epochs)

    @cached_property
    def learning(self) -> tuple[ProgressRow, ...]:
        """The same with more epochs, for pictures."""
        return progress_rows(self.group.runs, self._tables.epochs, MAX_DRAWN_EPOCHS)

    @cached_property
    def rank_times(self) -> Mapping[int, tuple[RankTime, ...]]:
        """Times of every rank, by world size."""
        return rank_times(self._timed, self._tables.phases)

    @cached_property
    def block_times(self) -> tuple[BlockTime, ...]:
        """Times of blocks, over the run."""
        return block_times(self._timed, self._tables.blocks)

    @cached_property
    def verdict(self) -> Verdict:
        """What limits scaling."""
        nodes = nodes_by_size(self.claimed, self._results.environments)
        fall = boundary_fall(self.clean, nodes)
        return judge(self.group.runs, self.rows, self._steps, fall)

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
        return self._runs.get(world_size, ())

    def size(self, world_size: int) -> Size:
        """Return what was measured at one world size."""
        return Size(observed=self, world_size=world_size)

    @cached_property
    def _runs(self) -> Mapping[int, tuple[RunRecord, ...]]:
        found: dict[int, list[RunRecord]] = {}
        for run in self.group.runs:
            found.setdefault(run.point.world_size, []).append(run)
        return {n: tuple(runs) for n, runs in found.items()}

    @cached_property
    def _rows(self) -> Mapping[int, ScalingRow]:
        return _by_size(self.rows)

    @cached_property
    def _times(self) -> Mapping[int, TimeRow]:
        return _by_size(self.times)

    @cached_property
    def _resources(self) -> Mapping[int, ResourceRow]:
        return _by_size(self.resources)

    @cached_property
    def _waterfalls(self) -> Mapping[int, Waterfall]:
        return _by_size(self.waterfalls)

    @cached_property
    def _batches(self) -> Mapping[int, BatchRow]:
        return _by_size(batch_rows(self.group.runs))

    @cached_property
    def _timed(self) -> tuple[RunRecord, ...]:
        return self.group.timed

    @cached_property
    def _steps(self) -> Steps:
        runs, tables = self._timed, self._tables
        splits = phase_splits(runs, tables.phases)
        syncs = sync_splits(runs, tables.phases, tables.buckets, tables.pairs)
        return Steps(
            splits={split.world_size: split for split in splits},
            syncs={split.world_size: split for split in syncs},
            lags=rank_lags(runs, tables.phases),
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What was measured at one world size; None where nothing was."""

    observed: Observed
    world_size: int

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """The curve's runs."""
        return self.observed.runs_at(self.world_size)

    @property
    def is_clean(self) -> bool:
        """Whether it carries a claim."""
        return self.world_size in self.observed.clean_sizes

    @property
    def row(self) -> ScalingRow | None:
        """Speedup and efficiency."""
        return self.observed._rows.get(self.world_size)

    @property
    def time(self) -> TimeRow | None:
        """How long training takes."""
        return self.observed._times.get(self.world_size)

    @property
    def resources(self) -> ResourceRow | None:
        """What a run takes."""
        return self.observed._resources.get(self.world_size)

    @property
    def phases(self) -> PhaseSplit | None:
        """What a step is made of."""
        return self.observed._steps.splits.get(self.world_size)

    @property
    def sync(self) -> SyncSplit | None:
        """What gradient synchronisation costs."""
        return self.observed._steps.syncs.get(self.world_size)

    @property
    def waterfall(self) -> Waterfall | None:
        """Where efficiency goes; None at the baseline too."""
        return self.observed._waterfalls.get(self.world_size)

    @property
    def batch(self) -> BatchRow | None:
        """The batches as they came, where these were not as asked for."""
        return self.observed._batches.get(self.world_size)


def _by_size(rows: Iterable[_Row]) -> dict[int, _Row]:
    return {row.world_size: row for row in rows}
