"""Time, worker-time and energy of every world size that could be taken, measured or predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.decision.target import Convergence
from ray_bench.analysis.fit.forecast import MAX_FACTOR, CurveFit
from ray_bench.analysis.resources import ResourceRow
from ray_bench.analysis.times import TimeRow, run_time
from ray_bench.records import Scaling
from ray_bench.stats.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What some amount of training takes."""

    time_s: Estimate
    worker_s: Estimate
    energy_j: Estimate | None  # its interval is that of the time


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One world size. Intervals of predicted ones are where one new run would lie."""

    world_size: int
    is_measured: bool
    crosses_boundary: bool  # needs a second node, and no measurement had one
    throughput: Estimate  # samples/s
    run: Spend | None
    epoch: Spend | None
    target: Spend | None  # to the target accuracy
    convergence: Convergence | None  # of this world size, or the one that its epochs are taken from
    measure_s: float | None  # what one more run for the results takes, start-up included

    @property
    def run_samples(self) -> float | None:
        """Time of a run x throughput: the samples of a run, and what else takes time."""
        return None if self.run is None else self.run.time_s.value * self.throughput.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the options are made of."""

    curve: Curve  # of the world sizes that carry a claim
    fit: CurveFit | None
    times: Sequence[TimeRow]
    resources: Sequence[ResourceRow]
    convergence: Mapping[int, Convergence]
    scaling: Scaling
    batch_size: int  # that was fixed
    num_train_samples: int | None
    is_ladder: bool  # turns of a ladder are no runs: their length says nothing
    failed_sizes: frozenset[int] = frozenset()  # of which no run finished: they are not advised

    def time(self, size: int) -> TimeRow | None:
        """Return the times of a world size."""
        return next((x for x in self.times if x.world_size == size), None)


def options_of(
    data: Measured, *, max_workers: int | None = None, epochs: float | None = None
) -> tuple[Option, ...]:
    """Return the measured world sizes and the predicted ones, ascending.

    Predicted are those of which the points tell something.

    Args:
        data: What was measured.
        max_workers: A world size to predict beside the usual ones.
        epochs: Of the run that is decided on; None takes as many as were measured.
    """
    options = [_measured(data, n, epochs) for n in data.curve.sizes]
    last = next((x for x in reversed(options)), None)
    if last is not None and data.fit is not None and data.fit.points.variance is not None:
        options += _predicted(data, data.fit, last, predicted_sizes(data, max_workers))
    return tuple(sorted(options, key=lambda x: x.world_size))


def predicted_sizes(data: Measured, max_workers: int | None) -> tuple[int, ...]:
    """Return the world sizes to predict: doublings, up to 8 times the largest measured one.

    In strong scaling only those that share the global batch evenly. Those that failed are left out.
    """
    measured = data.curve.sizes
    if not measured:
        return ()
    limit = measured[-1] * MAX_FACTOR
    steps = range(int(math.log2(limit / measured[0])) + 1)
    wanted = {start * 2**i for start in (measured[0], measured[-1]) for i in steps}
    if max_workers is not None:
        wanted.add(max_workers)
    return tuple(
        n
        for n in sorted(wanted - set(measured))
        if n <= limit
        and n not in data.failed_sizes
        and (data.scaling == "weak" or data.batch_size % n == 0)
    )


def _measured(data: Measured, size: int, epochs: float | None) -> Option:
    row = data.time(size)
    rate = data.curve.throughput[size].estimate
    whole = _run(data, row, rate)
    time = _of_epochs(data, rate, whole, epochs)
    power = _power(data, size)
    found = data.convergence.get(size)
    return Option(
        world_size=size,
        is_measured=True,
        crosses_boundary=False,
        throughput=rate,
        run=_spend(time, size, power),
        epoch=_epoch(data, rate, size, power),
        target=_measured_target(data, size, power, found, whole),
        convergence=found,
        measure_s=None if whole is None or row is None else whole.value + (row.setup_s or 0.0),
    )


def _predicted(data: Measured, fit: CurveFit, last: Option, sizes: tuple[int, ...]) -> list[Option]:
    if not sizes:
        return []
    power, found = _power(data, last.world_size), _carried(data)
    row = data.time(last.world_size)
    whole_run = _run(data, row, last.throughput)
    work = None if whole_run is None else whole_run.value * last.throughput.value
    setup_s = 0.0 if row is None else row.setup_s or 0.0
    options = []
    for forecast in (x for x in fit.forecast(sizes) if x.unknown is None):
        rate, size = forecast.throughput, forecast.world_size
        time = None if last.run_samples is None else _inverse(last.run_samples, rate)
        whole = None if work is None else _inverse(work, rate)
        options.append(
            Option(
                world_size=size,
                is_measured=False,
                crosses_boundary=forecast.crosses_boundary,
                throughput=rate,
                run=_spend(time, size, power),
                epoch=_epoch(data, rate, size, power),
                target=_target(data, size, power, found, whole),
                convergence=found,
                measure_s=None if whole is None else whole.value + setup_s,
            )
        )
    return options


def _run(data: Measured, row: TimeRow | None, rate: Estimate) -> Estimate | None:
    """Return the time of a run as it was measured; its interval, or else that of throughput."""
    total = None if row is None else run_time(row, data.times)
    if total is None:
        return None
    time = total.estimate
    return _inverse(time.value * rate.value, rate) if time.low is None else time


def _of_epochs(
    data: Measured, rate: Estimate, run: Estimate | None, epochs: float | None
) -> Estimate | None:
    """Return the time of the run that is decided on."""
    measured = data.times[0].num_epochs if data.times else None
    if epochs is None:
        return None if data.is_ladder else run
    if run is not None and measured and not data.is_ladder:
        return run.scaled(epochs / measured)
    known = data.num_train_samples
    return None if known is None else _inverse(epochs * known, rate)


def _carried(data: Measured) -> Convergence | None:
    """Return the epochs of the largest world size that was measured, where the batch is the same.

    In weak scaling more workers mean a larger batch, and how it converges is not known.
    """
    if data.scaling == "weak":
        return None
    known = [x for n, x in sorted(data.convergence.items()) if n in data.curve.sizes and x.epochs]
    return known[-1] if known else None


def _epoch(data: Measured, rate: Estimate, size: int, power: float | None) -> Spend | None:
    if data.num_train_samples is None:
        return None
    return _spend(_inverse(data.num_train_samples, rate), size, power)


def _measured_target(
    data: Measured,
    size: int,
    power: float | None,
    found: Convergence | None,
    run: Estimate | None,
) -> Spend | None:
    """Return the time to the target as it was measured; else from the epochs that it took."""
    if found is not None and found.time is not None:
        return _spend(found.time.estimate, size, power)
    return _target(data, size, power, found, run)


def _target(
    data: Measured,
    size: int,
    power: float | None,
    found: Convergence | None,
    run: Estimate | None,
) -> Spend | None:
    """Return epochs x time of an epoch, evaluation included as far as the time of a run has it."""
    epochs = data.times[0].num_epochs if data.times else None
    if found is None or found.epochs is None or run is None or not epochs:
        return None
    return _spend(product(found.epochs.estimate, run.scaled(1 / epochs)), size, power)


def _spend(time: Estimate | None, size: int, power: float | None) -> Spend | None:
    if time is None:
        return None
    worker_s = time.scaled(size)
    energy = None if power is None else worker_s.scaled(power)
    return Spend(time_s=time, worker_s=worker_s, energy_j=energy)


def _power(data: Measured, size: int) -> float | None:
    """Return joules per worker-second of a run at a measured world size."""
    row = next((x for x in data.resources if x.world_size == size), None)
    if row is None or row.energy_j is None or row.worker_s is None:
        return None
    return row.energy_j / row.worker_s.value


def _inverse(amount: float, rate: Estimate) -> Estimate:
    return rate.mapped(lambda x: amount / x)


def product(one: Estimate, other: Estimate) -> Estimate:
    """Return the product of independent positive estimates; log half-widths add in quadrature."""
    value = one.value * other.value
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return Estimate(value)
    down = math.hypot(math.log(one.value / one.low), math.log(other.value / other.low))
    up = math.hypot(math.log(one.high / one.value), math.log(other.high / other.value))
    return Estimate(value, value * math.exp(-down), value * math.exp(up))
