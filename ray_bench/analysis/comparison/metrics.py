"""The rows of a comparison, metric by metric. A number that only one sweep has makes no row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from ray_bench.analysis.accuracy import accuracy
from ray_bench.analysis.accuracy import difference as accuracy_difference
from ray_bench.analysis.comparison.interval import difference, relative_change
from ray_bench.analysis.comparison.pairs import Pair
from ray_bench.analysis.comparison.row import Metric, Row
from ray_bench.analysis.comparison.side import Side
from ray_bench.analysis.network import Link, NetworkStudy
from ray_bench.analysis.times import TimeRow
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate, log_product, log_ratio


def pair_rows(pair: Pair, target_frac: float | None) -> Iterator[Row]:
    """Yield the rows of two curves.

    Args:
        pair: The curves.
        target_frac: The accuracy that time to accuracy is about; None leaves it out.
    """
    yield from throughput_rows(pair)
    yield from _speedups(pair)
    yield from _serial(pair)
    if target_frac is not None:
        yield from _times_to(pair, target_frac)
    yield from _accuracies(pair)
    yield from _costs(pair)
    yield from _memory(pair)


def throughput_rows(pair: Pair) -> Iterator[Row]:
    """Yield throughput at every world size; its own intervals are those of the reports."""
    for n in pair.sizes:
        base, new = pair.base.measured.throughput[n], pair.new.measured.throughput[n]
        ratio = log_ratio(pair.new.curve.throughput[n], pair.base.curve.throughput[n])
        yield _ratio_row(Metric.THROUGHPUT, n, (base, new), ratio)


def _ratio_row(
    metric: Metric,
    size: int,
    sides: tuple[LogEstimate, LogEstimate],
    ratio: LogEstimate,
    factor: float = 1.0,
) -> Row:
    return Row(
        metric=metric,
        world_size=size,
        base=sides[0].estimate.scaled(factor),
        new=sides[1].estimate.scaled(factor),
        change=ratio.estimate.mapped(lambda r: r - 1),
        log_change=ratio,
    )


def _speedups(pair: Pair) -> Iterator[Row]:
    """Yield speedup and efficiency against the smallest world size that both have."""
    first = pair.sizes[0]
    for n in pair.sizes[1:]:
        base, new = pair.base.curve.ratio(n, first), pair.new.curve.ratio(n, first)
        yield _ratio_row(Metric.SPEEDUP, n, (base, new), log_ratio(new, base))
    for n in pair.sizes[1:]:
        base, new = pair.base.curve.ratio(n, first), pair.new.curve.ratio(n, first)
        ours, theirs = (x.estimate.scaled(first / n) for x in (base, new))
        yield Row(
            metric=Metric.EFFICIENCY,
            world_size=n,
            base=ours,
            new=theirs,
            change=difference(theirs, ours),
        )


def _serial(pair: Pair) -> Iterator[Row]:
    base, new = pair.base.serial_frac(), pair.new.serial_frac()
    if base is not None and new is not None:
        yield Row(
            metric=Metric.SERIAL,
            world_size=None,
            base=base,
            new=new,
            change=difference(new, base),
        )


def _times_to(pair: Pair, target_frac: float) -> Iterator[Row]:
    """Yield seconds to an accuracy: epochs to it x time of an epoch, evaluation included."""
    found = [side.convergence(target_frac) for side in (pair.base, pair.new)]
    seconds = _epoch_seconds(pair)
    for n in pair.sizes:
        epochs = [x[n].epochs if n in x else None for x in found]
        if n not in seconds or epochs[0] is None or epochs[1] is None:
            continue
        base, new = (log_product(x, s) for x, s in zip(epochs, seconds[n], strict=True) if x)
        yield _ratio_row(Metric.TIME_TO_ACCURACY, n, (base, new), log_ratio(new, base))


def _accuracies(pair: Pair) -> Iterator[Row]:
    """Yield final validation accuracy by world size and learning-rate rule."""
    rules = [{run.point.rule for run in side.runs} for side in (pair.base, pair.new)]
    shared = sorted(rules[0] & rules[1])
    for n in pair.sizes:
        for rule in shared:
            base, new = (
                [run for run in side.at(n) if run.point.rule == rule]
                for side in (pair.base, pair.new)
            )
            if not base or not new:
                continue
            values, change = (accuracy(base), accuracy(new)), accuracy_difference(new, base)
            if values[0] is None or values[1] is None or change is None:
                continue
            yield Row(
                metric=Metric.ACCURACY,
                world_size=n,
                base=values[0],
                new=values[1],
                change=change,
                detail=rule if len(shared) > 1 else None,
            )


def _costs(pair: Pair) -> Iterator[Row]:
    """Yield worker-seconds of an epoch; a price turns them into money."""
    for n, (base, new) in _epoch_seconds(pair).items():
        yield _ratio_row(Metric.COST, n, (base, new), log_ratio(new, base), factor=n)


def _epoch_seconds(pair: Pair) -> dict[int, tuple[LogEstimate, LogEstimate]]:
    """Return seconds of an epoch in both sweeps, by world size.

    Time of a run / epochs, evaluation and warm-up included, where both have runs with a spread;
    else training samples / throughput in both.
    """
    base, new = pair.base.times(), pair.new.times()
    ways: tuple[Callable[[Side, TimeRow], LogEstimate | None], ...] = (_of_run, _of_rate)
    found: dict[int, tuple[LogEstimate, LogEstimate]] = {}
    for way in ways:
        for n in pair.sizes:
            one, other = way(pair.base, base[n]), way(pair.new, new[n])
            if one is not None and other is not None:
                found.setdefault(n, (one, other))
    return {n: found[n] for n in pair.sizes if n in found}


def _of_run(side: Side, row: TimeRow) -> LogEstimate | None:
    if side.is_ladder or row.total is None or row.total.variance is None or not row.num_epochs:
        return None
    return replace(row.total, log_mean=row.total.log_mean - math.log(row.num_epochs))


def _of_rate(side: Side, row: TimeRow) -> LogEstimate | None:
    del side
    return row.epoch


def _memory(pair: Pair) -> Iterator[Row]:
    base, new = pair.base.memory(), pair.new.memory()
    for n in pair.sizes:
        if n in base and n in new:
            ratio = log_ratio(new[n], base[n])
            yield _ratio_row(Metric.MEMORY, n, (base[n], new[n]), ratio)


def link_rows(base: NetworkStudy | None, new: NetworkStudy | None) -> Iterator[Row]:
    """Yield alpha and beta of the links that both sweeps measured, at the same world sizes."""
    if base is None or new is None or (base.backend, base.device) != (new.backend, new.device):
        return
    theirs = {_shape(link): link for link in new.links}
    for link in base.links:
        other = theirs.get(_shape(link))
        if other is None or link.ring is None or other.ring is None:
            continue
        for metric, ours, other_value in (
            (Metric.ALPHA, link.ring.fixed_s, other.ring.fixed_s),
            (Metric.BETA, link.ring.s_per_byte, other.ring.s_per_byte),
        ):
            if ours is not None and other_value is not None:
                yield _link_row(metric, link, ours, other_value)


def _shape(link: Link) -> tuple[tuple[int, int], ...]:
    return tuple((group.world_size, group.num_nodes) for group in link.groups)


def _link_row(metric: Metric, link: Link, base: Estimate, new: Estimate) -> Row:
    return Row(
        metric=metric,
        world_size=None,
        base=base,
        new=new,
        change=relative_change(new, base),
        detail="between nodes" if link.is_inter_node else "within a node",
    )
