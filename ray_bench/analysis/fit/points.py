"""The points of a curve in the form that every fit takes: the log of what a sample costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ray_bench.analysis.laws.law import Mode
from ray_bench.analysis.laws.place import Place
from ray_bench.errors import InsufficientPointsError
from ray_bench.records import Scaling
from ray_bench.stats.log_estimate import LogEstimate, pooled

#: Relative noise of a point without repeats: what a published number is mostly good for.
UNKNOWN_NOISE = 0.02
#: More world sizes than that are joined with their neighbours; back-tests fit once a point.
MAX_POINTS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """World sizes in ascending order, arrays of shape (num_points,)."""

    place: Place
    log_cost: np.ndarray  # ln(N / X): worker-seconds a sample
    variance: np.ndarray | None  # of log_cost; None without repeats or timed blocks
    run_variance: float | None  # of the log_cost of one more run
    df: np.ndarray | None  # degrees of freedom of variance
    is_pooled: bool  # one variance of a run for all world sizes
    mode: Mode
    stated_batch: float | None = None  # see with_batch

    def __len__(self) -> int:
        return len(self.log_cost)

    @property
    def noise(self) -> np.ndarray:
        """The variance of every point, as measured or as assumed."""
        if self.variance is None:
            return np.full(len(self), UNKNOWN_NOISE**2)
        return self.variance

    @property
    def new_noise(self) -> float:
        """The variance of one more run."""
        return UNKNOWN_NOISE**2 if self.run_variance is None else self.run_variance

    @property
    def log_throughput(self) -> np.ndarray:
        """The logarithm of X."""
        return np.asarray(np.log(self.place.world_size) - self.log_cost)

    def take(self, rows: slice | np.ndarray) -> Points:
        """Return some of the points."""
        return Points(
            place=self.place.take(rows),
            log_cost=self.log_cost[rows],
            variance=None if self.variance is None else self.variance[rows],
            run_variance=self.run_variance,
            df=None if self.df is None else self.df[rows],
            is_pooled=self.is_pooled,
            mode=self.mode,
            stated_batch=self.stated_batch,
        )

    def at(self, world_sizes: np.ndarray | Sequence[float]) -> Place:
        """Return other world sizes of the same curve.

        In a mixed one with the global batch that was stated for them; else the batch per worker
        goes on as from the first to the last point, and neither does it grow nor the global one
        shrink.
        """
        sizes = np.asarray(world_sizes, dtype=float)
        share = np.ones_like(sizes)
        if self.stated_batch is not None:
            share = self.stated_batch / sizes
        elif self.mode == "strong":
            share = self.place.world_size[0] / sizes
        elif self.mode == "mixed":
            steps = np.diff(np.log(self.place.world_size[[0, -1]]))
            slope = np.diff(np.log(self.place.batch_share[[0, -1]])) / steps
            ahead = sizes / self.place.world_size[-1]
            share = self.place.batch_share[-1] * ahead ** np.clip(slope, -1.0, 0.0)
        return Place(
            world_size=sizes, batch_share=share, workers_per_node=self.place.workers_per_node
        )

    @property
    def is_batch_known(self) -> bool:
        """Whether other world sizes have a batch that follows from a rule, or was stated."""
        return self.mode != "mixed" or self.stated_batch is not None

    def with_batch(self, global_batch: float) -> Points:
        """Return the points with a batch of all other world sizes.

        Args:
            global_batch: In batches of a worker at the smallest world size.
        """
        return replace(self, mode="mixed", stated_batch=global_batch)

    def batch_range(self, place: Place) -> tuple[Place, Place]:
        """Return places with the global batch of the largest world size, and with its local one."""
        last = self.place.batch_share[-1]
        fixed = last * self.place.world_size[-1] / place.world_size
        return replace(place, batch_share=fixed), replace(
            place, batch_share=np.full(len(place), last)
        )


def points_of(
    throughput: Mapping[int, LogEstimate],
    scaling: Scaling,
    *,
    workers_per_node: int | None = None,
    batch_per_worker: Mapping[int, float] | None = None,
) -> Points:
    """Return the points of a curve.

    Args:
        throughput: By world size, at least two.
        scaling: Which batch is fixed.
        workers_per_node: None where it is unknown.
        batch_per_worker: Samples by world size, where neither batch was fixed; else None.

    Raises:
        InsufficientPointsError: There are fewer than two world sizes.
    """
    if len(throughput) < 2:
        raise InsufficientPointsError(
            f"A law needs two world sizes, got {len(throughput)}. Measure another one."
        )
    estimates = pooled(throughput)
    sizes = np.array(sorted(estimates), dtype=float)
    means = [estimates[int(n)] for n in sizes]
    share = np.ones_like(sizes) if scaling == "weak" else sizes[0] / sizes
    if batch_per_worker is not None:
        batches = np.array([batch_per_worker[int(n)] for n in sizes], dtype=float)
        share = batches / batches[0]
    place = Place(world_size=sizes, batch_share=share, workers_per_node=workers_per_node)
    return _thinned(_points(place, means, _mode(share, sizes)))


def placed_points(throughput: Mapping[tuple[int, int], LogEstimate], scaling: Scaling) -> Points:
    """Return points that differ in placement too.

    Args:
        throughput: By world size and workers of the fullest node, at least two.
        scaling: Which batch is fixed.
    """
    means = pooled(throughput)
    keys = sorted(means, key=lambda key: (key[0], -key[1]))
    sizes, held = (np.array(x, dtype=float) for x in zip(*keys, strict=True))
    share = np.ones_like(sizes) if scaling == "weak" else sizes[0] / sizes
    place = Place(world_size=sizes, batch_share=share, workers_per_node=held)
    return _points(place, [means[key] for key in keys], scaling)


def _points(place: Place, means: Sequence[LogEstimate], mode: Mode) -> Points:
    variance, df = _variances(means)
    return Points(
        place=place,
        log_cost=np.log(place.world_size) - np.array([x.log_mean for x in means]),
        variance=variance,
        run_variance=None
        if variance is None
        else float(np.median(variance * [x.num_runs for x in means])),
        df=df,
        is_pooled=means[0].source == "repeats",
        mode=mode,
    )


def _variances(means: Sequence[LogEstimate]) -> tuple[np.ndarray | None, np.ndarray | None]:
    variance = [x.variance for x in means if x.variance is not None and x.df is not None]
    if len(variance) < len(means):
        return None, None
    return np.array(variance), np.array([x.df for x in means], dtype=float)


def _mode(share: np.ndarray, sizes: np.ndarray) -> Mode:
    if np.allclose(share, 1.0):
        return "weak"
    return "strong" if np.allclose(share, sizes[0] / sizes) else "mixed"


def _thinned(points: Points) -> Points:
    """Join neighbours, in equal steps of log2 N, where there are very many world sizes."""
    if len(points) <= MAX_POINTS:
        return points
    steps = np.log2(points.place.world_size / points.place.world_size[0])
    inner = np.minimum(steps * (MAX_POINTS - 2) / steps[-1] + 1, MAX_POINTS - 2).astype(int)
    inner[0], inner[-1] = 0, MAX_POINTS - 1  # the ends stay what was measured there
    nodes = points.place.num_nodes > 1
    groups = np.unique(np.stack([inner, nodes], axis=1), axis=0, return_inverse=True)[1].ravel()
    count = np.bincount(groups)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(groups, weights=values) / count)

    place = Place(
        world_size=np.exp(mean(np.log(points.place.world_size))),
        batch_share=np.exp(mean(np.log(points.place.batch_share))),
        workers_per_node=points.place.workers_per_node,
    )
    return Points(
        place=place,
        log_cost=mean(points.log_cost),
        variance=None if points.variance is None else mean(points.variance) / count,
        run_variance=points.run_variance,
        df=None if points.df is None else mean(points.df),
        is_pooled=points.is_pooled,
        mode=points.mode,
    )
