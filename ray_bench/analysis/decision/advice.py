"""The recommended world size for an aim, how surely, and what to measure next, as data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from ray_bench.analysis.decision.aim import Aim
from ray_bench.analysis.decision.choose import Choice, Field, choose, winners
from ray_bench.analysis.decision.draws import measured_draws, predicted_draws
from ray_bench.analysis.decision.front import FrontPoint, front
from ray_bench.analysis.decision.next_run import NextRun, next_run
from ray_bench.analysis.decision.options import Measured, Option, Spend, options_of
from ray_bench.analysis.decision.progress import run_sd, toward_target
from ray_bench.analysis.estimate import LogEstimate

#: A difference that is not worth a measurement: the smaller world size counts as right.
TIE_FRAC = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a decision is asked for."""

    aim: Aim = field(default_factory=Aim)
    price_per_worker_hour: float | None = None
    max_workers: int | None = None  # predicted world sizes up to here are as good as measured ones
    #: Validation accuracy that is decided for; None: runs are, and what every run reached is told.
    target_frac: float | None = None
    epochs: float | None = None  # of the run that is decided on; None: as many as were measured


class Reason(Enum):
    """Why a world size is recommended, or none is."""

    RIGHT = "right"  # for the aim, by the estimates
    UNREACHABLE = "unreachable"  # no world size meets the aim
    ONE_WORLD_SIZE = "one_world_size"
    NO_INTERVAL = "no_interval"
    OVERSUBSCRIBED = "oversubscribed"
    NOTHING_MEASURED = "nothing_measured"
    NO_PRICE = "no_price"  # a budget needs one
    NO_RUN_TIME = "no_run_time"  # a deadline or budget is one of a run
    NO_TARGET = "no_target"  # no world size is known to get to the target that was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, and how surely it is right.

    Measured world sizes are chosen from, unless none of them meets the aim or predicted ones were
    asked for; `wider` is the choice if predicted ones could be had at once.
    """

    ask: Ask
    target_frac: float | None
    options: tuple[Option, ...]
    recommended: int | None
    reason: Reason
    choice: Choice | None = None
    wider: Choice | None = None  # over all options
    front: tuple[FrontPoint, ...] = ()
    next_run: NextRun | None = None

    def option(self, size: int | None) -> Option | None:
        """Return what is known of a world size."""
        return next((x for x in self.options if x.world_size == size), None)

    def spend(self, option: Option) -> Spend | None:
        """Return what is decided about: what the target takes if one was asked for, else a run."""
        return option.run if self.ask.target_frac is None else option.target

    @property
    def is_predicted(self) -> bool:
        """Whether the recommended world size was not measured."""
        found = self.option(self.recommended)
        return found is not None and not found.is_measured

    @property
    def better_beyond(self) -> int | None:
        """The predicted world size that would serve the aim better, None if there is none."""
        if self.wider is None or self.wider.best in (None, self.recommended):
            return None
        return self.wider.best


def decide(
    data: Measured, ask: Ask, *, target_frac: float | None, num_sizes: int, num_clean: int
) -> Decision:
    """Return the decision.

    Args:
        data: What was measured.
        ask: The aim, and what goes with it.
        target_frac: The accuracy that convergence is about.
        num_sizes: World sizes that were measured, those without a claim included.
        num_clean: Those with a claim, timed or not.
    """
    options = options_of(data, max_workers=ask.max_workers, epochs=ask.epochs)

    def none(reason: Reason) -> Decision:
        return Decision(
            ask=ask, target_frac=target_frac, options=options, recommended=None, reason=reason
        )

    refusal = _refusal(data, ask, options, num_sizes=num_sizes, num_clean=num_clean)
    whole = None if refusal else _field(data, options)
    if refusal or whole is None:
        return none(refusal or Reason.NO_INTERVAL)
    if ask.target_frac is not None:
        whole = toward_target(whole, options)
        if whole is None:
            return none(Reason.NO_TARGET)
    price, aim = ask.price_per_worker_hour, ask.aim
    measured = tuple(n for n in data.curve.sizes if n in whole.sizes)
    allowed = tuple(n for n in whole.sizes if n <= (ask.max_workers or math.inf))
    if not allowed:
        return none(Reason.UNREACHABLE)
    # Efficiency is against the smallest measured world size: of those at the target, if one is set.
    reach = whole.take(allowed)
    wider = choose(reach, aim, price)
    choice = wider
    if ask.max_workers is None:
        choice = choose(whole.take(measured), aim, price)
        choice = wider if choice.best is None else choice
    return Decision(
        ask=ask,
        target_frac=target_frac,
        options=options,
        recommended=choice.best,
        reason=Reason.UNREACHABLE if choice.best is None else Reason.RIGHT,
        choice=choice,
        wider=wider,
        front=front(reach),
        next_run=_next(
            data,
            reach,
            options,
            winners(reach, aim, price, tolerance=TIE_FRAC),
            to_target=ask.target_frac is not None,
        ),
    )


def _refusal(
    data: Measured, ask: Ask, options: Sequence[Option], *, num_sizes: int, num_clean: int
) -> Reason | None:
    """Return why nothing can be recommended."""
    if not data.curve.sizes:
        return Reason.NOTHING_MEASURED if num_clean else Reason.OVERSUBSCRIBED
    if len(data.curve.sizes) == 1:
        return Reason.ONE_WORLD_SIZE if num_clean == num_sizes else Reason.OVERSUBSCRIBED
    if ask.aim.kind == "budget" and ask.price_per_worker_hour is None:
        return Reason.NO_PRICE
    if ask.aim.kind in ("deadline", "budget") and any(x.run is None for x in options):
        return Reason.NO_RUN_TIME
    return None


def _field(data: Measured, options: Sequence[Option]) -> Field | None:
    """Return the options with their draws; None where a measured one has no interval."""
    known = measured_draws(data.curve)
    if known is None:
        return None
    sizes = [*data.curve.sizes]
    rates = [data.curve.throughput[n].log_mean for n in sizes]
    far = [x for x in options if not x.is_measured]
    if far and data.fit is not None:
        last = data.curve.throughput[sizes[-1]]
        more = predicted_draws(
            data.fit, [x.world_size for x in far], known[:, -1], math.sqrt(last.variance or 0.0)
        )
        known = np.concatenate([known, more], axis=1)
        sizes += [x.world_size for x in far]
        rates += [math.log(x.throughput.value) for x in far]
    order = np.argsort(sizes)
    amounts = [x.run_samples for x in options]
    samples = None if None in amounts else np.array(amounts, dtype=float)
    return Field(
        sizes=tuple(int(sizes[i]) for i in order),
        log_rate=np.array(rates)[order],
        draws=known[:, order],
        samples=samples,
    )


def _next(
    data: Measured,
    reach: Field,
    options: Sequence[Option],
    right: np.ndarray,
    *,
    to_target: bool,
) -> NextRun | None:
    by_size = {x.world_size: x for x in options}
    return next_run(
        reach.sizes,
        reach.draws,
        right,
        [
            math.hypot(
                _run_sd(data.curve.throughput.get(n)), run_sd(by_size[n]) if to_target else 0
            )
            for n in reach.sizes
        ],
        [by_size[n].measure_s for n in reach.sizes],
    )


def _run_sd(estimate: LogEstimate | None) -> float:
    """Return the noise of one more run; a prediction is one of a run, and has it already."""
    if estimate is None or estimate.variance is None:
        return 0.0
    return math.sqrt(estimate.variance * estimate.num_runs)
