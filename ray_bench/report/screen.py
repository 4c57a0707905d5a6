"""What a reader sees first, as data: the answer, the curve with its numbers, why, what next.

Every output draws this, in this order: page, Markdown, terminal, JSON. Texts are finished
sentences for people; whoever needs a part of one takes the part, never the sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ray_bench.report.cells import Cell, Section
from ray_bench.report.picture import Picture

#: bad: something failed or a claim is not made. warn: may change the answer. note: good to know.
Level = Literal["bad", "warn", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caveat:
    """What to know before the answer is believed."""

    level: Level
    head: str  # two to five words: `One run failed.`
    text: str = ""
    fold: str | None = None  # key of the fold that says more


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What to do next, with what it takes and what it is worth."""

    head: str  # `measure 16 workers once`
    world_size: int | None = None
    time: Cell | None = None
    cost: Cell | None = None
    gain: Cell | None = None  # points of the probability of choosing right
    command: str | None = None  # to copy; None where it cannot be told
    note: str = ""  # `The nodes of this sweep have room for 4 workers: it needs more of them.`


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer in parts."""

    lead: str  # at most twelve words with at most one number beside the workers
    gain: Cell | None  # that number, with its interval; None where `lead` has none
    world_size: int | None  # None: no answer
    why: str = ""  # how sure, and whether other sizes are likelier best
    limit: str = ""  # what stops it from scaling further
    #: Of a target that was asked for: the best sizes, and speed, time to it and cost.
    target: tuple[str, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    next: NextStep | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A column of the numbers: a world size."""

    world_size: int
    is_measured: bool  # else it is forecast
    is_chosen: bool = False
    is_claimed: bool = True  # False: more ranks than cores or GPUs; drawn, but nothing rests on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A row of the numbers: one quantity at every world size, the only place that it has."""

    key: str
    title: str
    note: str = ""  # what it is, or of what: `per run`
    topic: str = ""  # heading of the rows that stand together: Speed, Time, Money, ...
    cells: tuple[Cell, ...] = ()  # one a size
    is_first: bool = False  # stands under the curve, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Quantities crossed with world sizes."""

    sizes: tuple[Size, ...]
    quantities: tuple[Quantity, ...]
    foot: str = ""  # what time and cost hold, the price, the aim

    @property
    def first(self) -> tuple[Quantity, ...]:
        """The quantities that stand under the curve."""
        return tuple(x for x in self.quantities if x.is_first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A picture below the curve that says why."""

    key: str  # losses, front, accuracy
    ask: str  # the topic: `Where the efficiency goes`
    title: str  # the finding: `The optimizer costs most: 9.9 points at 4 workers`
    picture: Picture
    says: str = ""  # a sentence under it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A topic that is folded until somebody opens it."""

    key: str
    title: str
    says: str  # what is in it, with its main number
    sections: tuple[Section, ...] = ()
    pictures: tuple[Picture, ...] = ()
    numbers: Numbers | None = None  # all quantities at all sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """The first screen of one curve."""

    name: str | None  # which of several curves: `2 workers a node`; None where there is one
    context: tuple[str, ...]  # workload, scaling, batch, precision, hardware, date
    answer: Answer
    curve_title: str  # the finding: `4 workers reach 86.8 % of ideal; the forecast bends from 8 on`
    curve: Picture | None  # None where there is nothing to draw
    numbers: Numbers
    panels: tuple[Panel, ...] = ()
