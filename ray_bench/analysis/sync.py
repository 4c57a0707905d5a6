"""What gradient synchronisation takes: in all, exposed, and by slowing the computation down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.columns import pair_keys
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import Part, difference_of_means, mean_estimate, t_interval

#: Phases in which a step waits for its gradients: for the slowest rank, and for the transfer.
EXPOSED_PHASES = ("skew_wait", "exposed_comm")

#: Bucket sizes must differ by this factor before a time without size is read off them.
_MIN_SIZE_RATIO = 2.0
_MIN_BUCKETS = 2

Table = Mapping[str, np.ndarray]
Tables = Mapping[str, Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSplit:
    """Gradient synchronisation at one world size, seconds per step, mean over ranks and runs."""

    world_size: int
    exposed: Estimate  # skew wait and exposed transfer: what the step waits for
    total: Estimate | None  # while any bucket was under way, hidden or not; None without buckets
    contention: Estimate | None  # negative: not seen; None without pairs of steps
    latency_frac: float | None  # share of a bucket's time that does not depend on its size
    num_buckets: int | None  # the most in a step; None without buckets

    @property
    def hidden_frac(self) -> float | None:
        """The share of synchronisation that computation hides."""
        if self.total is None or self.total.value <= 0:
            return None
        return 1 - min(self.exposed.value / self.total.value, 1.0)

    @property
    def is_contention_seen(self) -> bool:
        """Whether steps with synchronisation are surely slower than the exposed part explains."""
        if self.contention is None:
            return False
        low = self.contention.low
        return (self.contention.value if low is None else low) > 0


def sync_splits(
    runs: Sequence[RunRecord], phases: Tables, buckets: Tables, pairs: Tables
) -> tuple[SyncSplit, ...]:
    """Return a split for every world size whose sampled steps synchronised, ascending."""
    by_size: dict[int, list[str]] = {}
    for run in runs:
        table = phases.get(run.run_id) if run.point.world_size > 1 else None
        if table is not None and np.isin(table["phase"], EXPOSED_PHASES).any():
            by_size.setdefault(run.point.world_size, []).append(run.run_id)
    return tuple(_split(n, by_size[n], phases, buckets, pairs) for n in sorted(by_size))


def _split(
    size: int, run_ids: Sequence[str], phases: Tables, buckets: Tables, pairs: Tables
) -> SyncSplit:
    tables = [buckets[i] for i in run_ids if i in buckets]
    contentions = [contention(pairs[i], exposed_s(phases[i])) for i in run_ids if i in pairs]
    return SyncSplit(
        world_size=size,
        exposed=mean_estimate([float(exposed_s(phases[i]).mean()) for i in run_ids]),
        total=mean_estimate([busy_s(x) for x in tables]) if tables else None,
        contention=_over_runs(contentions) if contentions else None,
        latency_frac=latency_frac(tables) if tables else None,
        num_buckets=max(len(np.unique(x["bucket"])) for x in tables) if tables else None,
    )


def exposed_s(phases: Table) -> np.ndarray:
    """Return seconds of every sampled step that waited for gradients, mean over ranks."""
    steps, index = np.unique(phases["step"], return_inverse=True)
    is_exposed = np.isin(phases["phase"], EXPOSED_PHASES)
    weights = np.where(is_exposed, phases["duration_s"].astype(float), 0.0)
    num_ranks = len(np.unique(phases["rank"]))
    return np.asarray(np.bincount(index, weights=weights, minlength=len(steps)) / num_ranks)


def busy_s(buckets: Table) -> float:
    """Return seconds per step in which at least one bucket was under way, mean over ranks.

    The union of the buckets' times, not their sum: buckets that wait for each other on one link
    would be counted several times.
    """
    steps = pair_keys(buckets["rank"], buckets["step"])
    _, group = np.unique(steps, return_inverse=True)
    start, end = (buckets[name].astype(float) for name in ("start_s", "end_s"))
    span = float(end.max() - start.min()) + 1.0
    order = np.lexsort((start, group))
    # One time line, on which no two steps meet.
    start, end = (x[order] + span * group[order] for x in (start, end))
    before = np.concatenate([[-np.inf], np.maximum.accumulate(end)[:-1]])
    return float(np.maximum(end - np.maximum(start, before), 0.0).sum()) / (int(group.max()) + 1)


def latency_frac(tables: Sequence[Table]) -> float | None:
    """Return which share of a bucket's time does not depend on its size.

    A bucket is served from when it is ready on every rank and the one before it is done. With t the
    mean time of a bucket of S bytes, t = a + c S with a, c >= 0 (least squares); the share is a
    over the mean of t. None where the buckets are too much alike.
    """
    served = [_service_s(table) for table in tables]
    num_bytes, seconds = (np.concatenate([x[i] for x in served]) for i in (0, 1))
    sizes, index = np.unique(num_bytes, return_inverse=True)
    if len(sizes) < _MIN_BUCKETS or sizes[-1] < _MIN_SIZE_RATIO * sizes[0]:
        return None
    means = np.bincount(index, weights=seconds) / np.bincount(index)
    slope, intercept = np.polyfit(sizes, means, 1)
    typical = float(means.mean())
    if slope <= 0:
        return 1.0
    return float(min(max(intercept / typical, 0.0), 1.0)) if typical > 0 else None


def _service_s(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return bytes and seconds of every bucket of every step, over all ranks."""
    keys = pair_keys(table["step"], table["bucket"])
    _, first, index = np.unique(keys, return_index=True, return_inverse=True)
    step = table["step"][first]
    ready, done = np.full(len(step), -np.inf), np.full(len(step), -np.inf)
    num_bytes = np.zeros(len(step))
    np.maximum.at(ready, index, table["start_s"].astype(float))
    np.maximum.at(done, index, table["end_s"].astype(float))
    np.maximum.at(num_bytes, index, table["num_bytes"].astype(float))
    is_same_step = np.concatenate([[False], step[1:] == step[:-1]])
    previous = np.where(is_same_step, np.concatenate([[-np.inf], done[:-1]]), -np.inf)
    return num_bytes, np.maximum(done - np.maximum(ready, previous), 0.0)


#: A difference of means, and the variances of both; none where these are unknown.
_Difference = tuple[float, Sequence[Part]]


def contention(pairs: Table, exposed: np.ndarray) -> _Difference:
    """Return by how much synchronisation slows one run's steps beyond what is exposed.

    C = mean(sync - no_sync) - mean(exposed), means over ranks first. The variances of the two are
    those of pairs and of sampled steps.
    """
    _, index = np.unique(pairs["pair"], return_inverse=True)
    seconds = pairs["sync_s"].astype(float) - pairs["no_sync_s"].astype(float)
    extra = np.bincount(index, weights=seconds) / np.bincount(index)
    return difference_of_means(extra, exposed)


def _over_runs(found: Sequence[_Difference]) -> Estimate:
    """Return the mean over runs: t over runs where there are several, else within the one run."""
    if len(found) > 1:
        return mean_estimate([value for value, _ in found])
    (only,) = found
    return t_interval(*only)
