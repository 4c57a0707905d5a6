"""One world size and rule against the baseline: the difference, and what stands in the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from ray_bench.analysis.parity.censored import horizon, is_cut, resolution, restricted
from ray_bench.analysis.parity.lost import more_lost
from ray_bench.analysis.parity.outcomes import MIN_SEEDS, Outcome, Quality
from ray_bench.analysis.parity.tost import Difference, paired, unpaired

#: What is compared: final accuracy (a difference), final loss or samples to target (ratios).
Quantity = Literal["accuracy", "loss", "samples"]


class Obstacle(Enum):
    """Why equivalence cannot be claimed, whatever the difference."""

    FEW_SEEDS = "few_seeds"
    DIVERGED = "diverged"
    NOT_REACHED = "not_reached"  # a run never got to the target
    FIRST_EVALUATION = "first_evaluation"  # a run was at the target by its first evaluation
    COARSE = "coarse"  # evaluations are further apart than the margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """Differences up to which two results count as the same."""

    accuracy_frac: float = 0.005
    loss_frac: float = 0.02
    samples_frac: float = 0.10

    def frac_of(self, quantity: Quantity) -> float:
        """Return the margin as a share: of accuracy itself, of the others a relative change."""
        return {
            "accuracy": self.accuracy_frac,
            "loss": self.loss_frac,
            "samples": self.samples_frac,
        }[quantity]

    def of(self, quantity: Quantity) -> float:
        """Return the margin of a difference of accuracies, or of logarithms."""
        if quantity == "accuracy":
            return self.accuracy_frac
        return math.log1p(self.loss_frac if quantity == "loss" else self.samples_frac)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was found, before the errors of several comparisons are held."""

    quantity: Quantity
    difference: Difference | None  # of accuracies, or of logarithms; None with too few seeds
    room: float  # the margin less what the evaluations' spacing leaves open
    num_seeds: int  # of the candidate, those of a pair where seeds are paired
    num_reference_seeds: int
    num_all: int  # seeds of the candidate, the diverged ones and those without a pair included
    num_diverged: int  # those that were stopped as hopeless included
    num_stopped: int
    num_not_reached: int  # the diverged ones included
    obstacle: Obstacle | None
    num_reference_diverged: int = 0
    num_worse: int = 0  # seeds whose final quality is beyond the margin, diverged ones included
    p_diverged: float | None = None  # that more diverge by chance; None where none did
    claims: frozenset[bool] = frozenset({True, False})  # of which worse, True, can be shown

    @property
    def num_pairs(self) -> int:
        """Seeds of the side that has fewer."""
        return min(self.num_seeds, self.num_reference_seeds)

    @property
    def seems_beyond(self) -> bool:
        """Whether the difference that was found is as large as the margin."""
        return self.difference is not None and abs(self.difference.value) >= self.room

    @property
    def p_equivalent(self) -> float:
        """The p-value of a difference as large as the margin; 1 where there is an obstacle."""
        if self.obstacle is not None or self.difference is None:
            return 1.0
        return self.difference.p_equivalent(self.room)

    @property
    def p_different(self) -> float:
        """The p-value of no difference; with diverged seeds, of being no worse.

        Then there are two ways to be worse, and Bonferroni's bound holds the error of both: more
        seeds diverge (one-sided), or the others are worse. Of too few others only the first is
        asked.
        """
        if self.p_diverged is None or self._tested is None:
            return self.p_others if self.p_diverged is None else self.p_diverged
        return min(1.0, 2 * self.p_diverged, self.p_others)

    @property
    def p_others(self) -> float:
        """The two-sided p-value of seeds that came to their end; 1 in a direction without a claim.

        Those are a selection. The side that loses more of its seeds is not shown to be better by
        the rest, and a candidate that loses any never is.
        """
        found = self._tested
        if found is None:
            return 1.0
        is_worse = (found.value < 0) == (self.quantity == "accuracy")
        return found.p_different if is_worse in self.claims else 1.0

    @property
    def _tested(self) -> Difference | None:
        few = min(self.num_seeds, self.num_reference_seeds) < MIN_SEEDS
        return None if few else self.difference


def compare_quality(
    candidate: Sequence[Outcome], reference: Sequence[Outcome], quality: Quality, margin: float
) -> Comparison | None:
    """Return the comparison of final quality; None where a side was never evaluated.

    A diverged run has no final quality. It rules out equivalence, on whichever side it is. Of the
    candidate it is a failure, and both are asked: whether more runs diverge than at the baseline,
    and whether those that did not are worse, as far as the baseline has not lost more of its own.
    """
    ours, theirs = (_known({x.seed: x.quality for x in side}) for side in (candidate, reference))
    lost, theirs_lost = (sum(x.is_diverged for x in side) for side in (candidate, reference))
    if not theirs or not (ours or lost):
        return None
    floor = _accuracy_floor(candidate) if quality == "accuracy" else 0.0
    difference, counts, few = _difference(ours, theirs, floor)
    return Comparison(
        quantity=quality,
        difference=difference,
        room=margin,
        num_seeds=counts[0],
        num_reference_seeds=counts[1],
        num_all=len(ours) + lost,
        num_diverged=lost,
        num_stopped=sum(x.is_stopped for x in candidate),
        num_not_reached=lost,
        num_reference_diverged=theirs_lost,
        num_worse=lost + _num_worse(ours, theirs, margin, sign=-1 if quality == "accuracy" else 1),
        p_diverged=more_lost(lost, len(candidate), theirs_lost, len(reference)) if lost else None,
        claims=_claims(lost / len(candidate), theirs_lost / len(reference)),
        obstacle=Obstacle.DIVERGED if lost or theirs_lost else Obstacle.FEW_SEEDS if few else None,
    )


def _claims(lost_frac: float, reference_lost_frac: float) -> frozenset[bool]:
    """Return whether worse, True, and better, False, can be shown by runs that did not diverge."""
    claims = {True} if lost_frac >= reference_lost_frac else set()
    return frozenset(claims if lost_frac else {*claims, False})


def _num_worse(
    ours: dict[int, float], theirs: dict[int, float], margin: float, *, sign: int
) -> int:
    """Return how many seeds are worse by more than the margin than the same one, else the mean."""
    mean = math.fsum(theirs.values()) / len(theirs)
    return sum(sign * (value - theirs.get(seed, mean)) > margin for seed, value in ours.items())


def compare_samples(
    candidate: Sequence[Outcome], reference: Sequence[Outcome], margin: float
) -> Comparison | None:
    """Return the comparison of ln samples to the target; None where a side was never evaluated.

    Two runs that were at the target by the same evaluation may differ by as much as lies between
    two evaluations. That is taken off the margin.
    """
    end = horizon(candidate, reference)
    if end is None:
        return None
    sides = (candidate, reference)
    ours, theirs = (_known({x.seed: restricted(x, end) for x in side}) for side in sides)
    if not ours or not theirs:
        return None
    steps = [resolution(side) for side in sides]
    known = [x for x in steps if x is not None]
    floor = math.sqrt(math.fsum(x**2 for x in known) / 12)
    difference, counts, few = _difference(ours, theirs, floor)
    cut = [sum(is_cut(x, end) for x in side) for side in sides]
    if cut == [len(side) for side in sides]:
        difference = None  # nobody got there, and how much is missing is not known
    room = margin - max(known, default=0.0)
    obstacle = None
    if few:
        obstacle = Obstacle.FEW_SEEDS
    elif any(cut):
        obstacle = Obstacle.NOT_REACHED
    elif len(known) < len(steps):
        obstacle = Obstacle.FIRST_EVALUATION
    elif room <= 0:
        obstacle = Obstacle.COARSE
    return Comparison(
        quantity="samples",
        difference=difference,
        room=room,
        num_seeds=counts[0],
        num_reference_seeds=counts[1],
        num_all=len(candidate),
        num_diverged=sum(x.is_diverged for x in candidate),
        num_stopped=sum(x.is_stopped for x in candidate),
        num_not_reached=cut[0],
        obstacle=obstacle,
    )


def _known(by_seed: dict[int, float | None]) -> dict[int, float]:
    return {seed: value for seed, value in by_seed.items() if value is not None}


def _difference(
    ours: dict[int, float], theirs: dict[int, float], floor: float
) -> tuple[Difference | None, tuple[int, int], bool]:
    """Return the difference, the seeds of both sides that it is of, and whether they are too few.

    Seeds that both sides have are paired where there are enough of them; else all seeds are
    compared as independent ones.
    """
    shared = sorted(ours.keys() & theirs.keys())
    if len(shared) >= min(MIN_SEEDS, len(ours), len(theirs)) and len(shared) > 1:
        found = paired([ours[s] - theirs[s] for s in shared], floor)
        return found, (len(shared), len(shared)), len(shared) < MIN_SEEDS
    counts = len(ours), len(theirs)
    if min(counts) < 2:
        return None, counts, True
    found = unpaired(list(ours.values()), list(theirs.values()), floor)
    return found, counts, min(counts) < MIN_SEEDS


def _accuracy_floor(side: Sequence[Outcome]) -> float:
    """Return the standard deviation of a difference of two shares that are rounded to 1 / n."""
    counts = [x.num_val_samples for x in side if x.num_val_samples]
    return 1 / (min(counts) * math.sqrt(6)) if counts else 0.0
