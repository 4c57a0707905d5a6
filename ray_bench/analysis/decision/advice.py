"""The recommended world size for an aim, how surely, and what to measure next, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from ray_bench.analysis.decision.aim import Aim
from ray_bench.analysis.decision.choose import Choice, choose, winners
from ray_bench.analysis.decision.front import FrontPoint, front
from ray_bench.analysis.decision.next_run import NextRun, next_run
from ray_bench.analysis.decision.options import Measured, Option, Spend
from ray_bench.analysis.decision.prospect import Prospect
from ray_bench.config.metric_target import MetricTarget

#: A difference that is not worth a measurement: the smaller world size counts as right.
TIE_FRAC = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a decision is asked for."""

    aim: Aim = field(default_factory=Aim)
    price_per_worker_hour: float | None = None
    max_workers: int | None = None  # predicted world sizes up to here are as good as measured ones
    #: What is decided for; None: runs are, and the accuracy that every run reached is told.
    target: MetricTarget | None = None
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
    target: MetricTarget | None
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
        return option.run if self.ask.target is None else option.target

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
    prospect: Prospect,
    ask: Ask,
    *,
    target: MetricTarget | None,
    num_sizes: int,
    num_clean: int,
) -> Decision:
    """Return the decision.

    Args:
        prospect: World sizes to choose from, for `max_workers` and `epochs` of the same `ask`.
        ask: The aim, and what goes with it.
        target: What convergence is about.
        num_sizes: World sizes that were measured, those without a claim included.
        num_clean: Those with a claim, timed or not.
    """
    data, options = prospect.data, prospect.options

    def none(reason: Reason) -> Decision:
        return Decision(ask=ask, target=target, options=options, recommended=None, reason=reason)

    refusal = _refusal(data, ask, options, num_sizes=num_sizes, num_clean=num_clean)
    whole = None if refusal else prospect.field
    if refusal or whole is None:
        unknown = Reason.NO_INTERVAL if prospect.rates is None else Reason.NO_TARGET
        return none(refusal or unknown)
    price, aim = ask.price_per_worker_hour, ask.aim
    reach = prospect.reach
    if reach is None:
        return none(Reason.UNREACHABLE)
    wider = choose(reach, aim, price)
    choice = wider
    if ask.max_workers is None:
        measured = tuple(n for n in data.curve.sizes if n in whole.sizes)
        choice = choose(whole.take(measured), aim, price)
        choice = wider if choice.best is None else choice
    return Decision(
        ask=ask,
        target=target,
        options=options,
        recommended=choice.best,
        reason=Reason.UNREACHABLE if choice.best is None else Reason.RIGHT,
        choice=choice,
        wider=wider,
        front=front(reach),
        next_run=next_run(
            reach.sizes,
            prospect.outcomes,
            winners(reach, aim, price, tolerance=TIE_FRAC),
            [prospect.measure_s[n] for n in reach.sizes],
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
