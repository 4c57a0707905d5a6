"""The answer as facts: which world size, how surely, what limits it, what to know, what next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ray_bench.analysis.caveats import CaveatFact, CaveatKind, caveats
from ray_bench.analysis.decision.advice import Reason
from ray_bench.analysis.losses import Bottleneck, Loss
from ray_bench.analysis.parity.to_target import ToTarget
from ray_bench.analysis.study import Study
from ray_bench.analysis.waterfall import Fall, cause_of
from ray_bench.records import Results
from ray_bench.stats.estimate import Estimate

#: Above that, a choice is said without a word of doubt; above the next, it is likely.
SURE_FRAC, LIKELY_FRAC = 0.95, 0.75
#: A world size beyond the measured ones is named from this probability on.
NAMED_FRAC = 0.10


class Sureness(Enum):
    """How a choice is said."""

    SURE = "sure"
    LIKELY = "likely"
    PROBABLE = "probable"

    @classmethod
    def of(cls, probability: float) -> Sureness:
        """Return how something with this probability is said."""
        if probability > SURE_FRAC:
            return cls.SURE
        return cls.LIKELY if probability >= LIKELY_FRAC else cls.PROBABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """A world size that was not measured, and how likely it is the best one of all."""

    world_size: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What costs most efficiency. Points are those of the waterfall, where it has them."""

    bottleneck: Bottleneck
    loss: Loss | None
    world_size: int | None
    points: Estimate | None
    ranking: tuple[Fall, ...] = ()  # what is lost there, the most first


@dataclass(frozen=True, slots=True, kw_only=True)
class NextFact:
    """The measurement that is most worth its cost."""

    world_size: int
    time_s: float | None
    worker_s: float | None
    gain: float  # rise of the probability of the right choice
    alternative: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFacts:
    """What the answer of one curve says, before it is said."""

    reason: Reason
    world_size: int | None
    is_predicted: bool
    baseline: int
    speedup: Estimate | None  # of the chosen size, or of the largest one where the baseline is best
    compared: int | None  # the world size of which `speedup` is
    to_target: ToTarget | None  # where a target decides, of which `speedup` then is
    probability: float | None  # of being right among those that can be chosen
    meets: float | None  # of meeting the limit of the aim
    is_for_now: bool  # something that was not measured is likelier the best
    beyond: tuple[Beyond, ...]  # the likeliest first
    beyond_frac: float  # of all of them together
    runner_up: int | None
    none_frac: float  # probability that no world size meets the limit of the aim
    confirm: NextFact | None  # a run that would only confirm a sure forecast of a better size
    limit: Limit
    caveats: tuple[CaveatFact, ...]
    next_run: NextFact | None

    @property
    def without_claim(self) -> tuple[int, ...]:
        """World sizes that were measured with more ranks than cores or GPUs."""
        found = (x for x in self.caveats if x.kind is CaveatKind.OVERSUBSCRIBED)
        return tuple(n for x in found for n in x.world_sizes)

    @property
    def sureness(self) -> Sureness:
        """How the choice is said."""
        return Sureness.of(self.probability or 0.0)


def answer_facts(study: Study, results: Results) -> AnswerFacts:
    """Return the answer of one curve.

    Args:
        study: The curve.
        results: The sweep that it is of: what failed and is missing.
    """
    decision = study.decision
    best, wider = decision.recommended, decision.wider
    measured = {x.world_size for x in decision.options if x.is_measured}
    shares = (
        []
        if wider is None
        else [Beyond(world_size=n, share=wider.share(n)) for n in wider.sizes if n not in measured]
    )
    own = 0.0 if wider is None or best not in wider.sizes else wider.share(best)
    beyond = tuple(sorted((x for x in shares if x.world_size != best), key=lambda x: -x.share))
    compared = _compared(study)
    return AnswerFacts(
        reason=decision.reason,
        world_size=best,
        is_predicted=decision.is_predicted,
        baseline=study.baseline,
        speedup=None if compared is None else _speedup(study, compared),
        compared=compared,
        to_target=None if decision.ask.target is None else study.to_target,
        probability=None if decision.choice is None else decision.choice.probability,
        meets=None if decision.choice is None else decision.choice.meets,
        is_for_now=not decision.is_predicted and any(x.share > own for x in beyond),
        beyond=beyond,
        beyond_frac=sum(x.share for x in beyond),
        runner_up=None if decision.choice is None else decision.choice.runner_up,
        none_frac=0.0 if decision.choice is None else decision.choice.none_share,
        confirm=_of_option(study, beyond[0].world_size) if beyond else None,
        limit=limit_of(study),
        caveats=tuple(caveats(study, results)),
        next_run=_next(study),
    )


def _compared(study: Study) -> int | None:
    """Return the world size whose speedup is said: a baseline's own is 1 by definition.

    Where a target decides, it is one that is known to get there.
    """
    best = study.decision.recommended
    if best is None or best != study.baseline:
        return best
    claimed = [n for n in study.clean_sizes if n in study.throughput]
    if study.decision.ask.target is not None:
        rows = () if study.to_target is None else study.to_target.rows
        claimed = [x.world_size for x in rows if x.speedup is not None]
    return claimed[-1] if claimed and claimed[-1] != best else None


def _speedup(study: Study, size: int) -> Estimate | None:
    if study.decision.ask.target is not None:
        return _sooner(study, size)
    row = study.size(size).row
    if row is not None:
        return row.speedup
    option, first = (study.decision.option(n) for n in (size, study.baseline))
    if option is None or first is None:
        return None
    return option.throughput.scaled(1 / first.throughput.value)


def _sooner(study: Study, size: int) -> Estimate | None:
    """Return how many times sooner a world size is at the target than the baseline."""
    row = None if study.to_target is None else study.to_target.row(size)
    if row is not None and row.speedup is not None:
        return row.speedup
    option, first = study.decision.option(size), study.decision.option(study.baseline)
    if option is None or first is None or option.target is None or first.target is None:
        return None
    first_s = first.target.time_s.value
    return option.target.time_s.mapped(lambda seconds: first_s / seconds)


def limit_of(study: Study) -> Limit:
    """Return what limits scaling, in points of the waterfall of the same world size."""
    verdict = study.verdict
    size = verdict.judged_at
    found = None if size is None else study.size(size).waterfall
    falls = () if found is None else found.falls
    loss = verdict.worst
    cause = None if loss is None else cause_of(loss.kind)
    fall = next((x for x in falls if x.cause is cause), None)
    return Limit(
        bottleneck=verdict.bottleneck,
        loss=loss,
        world_size=size,
        points=None if fall is None else fall.points,
        ranking=tuple(sorted((x for x in falls if x.seconds > 0), key=lambda x: -x.points.value)),
    )


def failed_sizes(results: Results) -> tuple[int, ...]:
    """Return the world sizes of which runs failed and none finished, ascending."""
    done = {run.point.world_size for run in results.ok_runs}
    return tuple(sorted({run.point.world_size for run in results.failed_runs} - done))


def _next(study: Study) -> NextFact | None:
    found = study.decision.next_run
    if found is None:
        return None
    return NextFact(
        world_size=found.world_size,
        time_s=found.seconds,
        worker_s=None if found.seconds is None else found.seconds * found.world_size,
        gain=found.gain,
        alternative=found.alternative,
    )


def _of_option(study: Study, size: int) -> NextFact | None:
    """Return what one run at a world size takes, with nothing to gain for the choice."""
    option = study.decision.option(size)
    seconds = None if option is None else option.measure_s
    worker_s = None if seconds is None else seconds * size
    return NextFact(world_size=size, time_s=seconds, worker_s=worker_s, gain=0.0, alternative=None)
