"""What a reader of today's page sees first, from the first screen."""

from __future__ import annotations

from dataclasses import dataclass

from ray_bench.report.cells import Cell
from ray_bench.report.screen import Screen
from ray_bench.report.screens.spoken import lead_words, next_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number behind the answer: a cell of one of the report's tables."""

    label: str
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The first screen of a curve or a comparison."""

    sentence: str
    details: str = ""
    figures: tuple[Figure, ...] = ()
    next_steps: tuple[str, ...] = ()


def overview(screen: Screen) -> Overview:
    """Return the first screen of a curve."""
    answer, numbers = screen.answer, screen.numbers
    at = next((i for i, x in enumerate(numbers.sizes) if x.is_chosen), None)
    found = [] if at is None else [Figure(label=x.title, cell=x.cells[at]) for x in numbers.first]
    return Overview(
        sentence=f"{lead_words(answer)}.",
        details=f"{answer.why} {answer.limit}".strip(),
        figures=tuple(x for x in found if x.cell.value is not None),
        next_steps=() if answer.next is None else (next_words(answer.next),),
    )
