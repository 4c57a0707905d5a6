"""Sweeps beside each other, as a page shows them: what differs, curves, verdicts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ray_bench.errors import AnalysisError, IncompatibleRunsError
from ray_bench.serve.studies import Analysed

if TYPE_CHECKING:
    from ray_bench.analysis.comparison.compare import Comparison
    from ray_bench.analysis.comparison.facts import Allow
    from ray_bench.analysis.comparison.row import Row
    from ray_bench.report.context import Context
    from ray_bench.report.picture import Picture
    from ray_bench.report.screen import Screen

LETTERS = "ABCDEF"
#: What a verdict looks like; a sign beside the colour.
SIGNS = {
    "better": ("better", "\u25b2"),
    "worse": ("worse", "\u25bc"),
    "same": ("same", "="),
    "cannot_tell": ("unsure", "?"),
}
_FIGURES = ("speedup", "efficiency", "run_time", "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number of a sweep at the largest common world size, in words."""

    title: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One sweep of a comparison."""

    letter: str
    sweep_id: str
    name: str
    num_runs: int
    figures: tuple[Figure, ...]
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A change with its verdict."""

    kind: str  # class of its look
    sign: str
    verdict: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class Line:
    """A metric at every world size; `whole` is one of the whole curve."""

    title: str
    is_gated: bool
    cells: tuple[Cell | None, ...]
    whole: Cell | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A sweep against the base: verdicts, or why there are none."""

    side: Side
    outcome: str = ""  # passed, failed, undecided
    screen: Screen | None = None
    sizes: tuple[int, ...] = ()
    lines: tuple[Line, ...] = ()
    refused: str = ""
    allows: tuple[str, ...] = ()  # kinds of differences that would let it be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """All of a comparison.

    Attributes:
        base: The first sweep.
        others: The others against it.
        at: The world size of the figures; None where the sweeps have none in common.
        curves: Efficiency as a drawing; None where nothing can be drawn.
        changes: Change of throughput as a drawing.
        curves_alt: What the first drawing shows, in words.
    """

    base: Side
    others: tuple[Against, ...]
    at: int | None
    curves: str | None
    changes: str | None
    curves_alt: str
    allowed: tuple[str, ...] = field(default=())


def compared(
    sweeps: Sequence[Analysed],
    names: Sequence[str],
    *,
    tolerance_frac: float,
    allow: Sequence[str],
    root: str,
) -> Compared:
    """Compare sweeps with the first of them.

    Args:
        sweeps: Two or more.
        names: What they are called.
        tolerance_frac: A change within it is none.
        allow: Kinds of differences that are compared all the same.
        root: Of the results, for commands.

    Raises:
        AnalysisError: A sweep has no curve.
        ConfigError: The tolerance makes no sense.
    """
    contexts = [_context(x) for x in sweeps]
    common = set.intersection(*({*x.study.clean_sizes} for x in contexts))
    at = max(common, default=None)
    sides = [
        _side(letter, name, context, at)
        for letter, name, context in zip(LETTERS, names, contexts, strict=False)
    ]
    kinds = _kinds(allow)
    found = [_compare(sweeps[0], x, tolerance_frac, kinds) for x in sweeps[1:]]
    others = tuple(
        _against(side, sweeps[0], new, x, root)
        for side, new, x in zip(sides[1:], sweeps[1:], found, strict=True)
    )
    known = [(s.letter, x) for s, x in zip(sides[1:], found, strict=True) if not isinstance(x, str)]
    picture = _overlaid(sides, contexts)
    return Compared(
        base=sides[0],
        others=others,
        at=at,
        curves=None if picture is None else _drawn_curves(picture),
        changes=_drawn_changes(known, [x.letter for x in sides], tolerance_frac),
        curves_alt="" if picture is None else picture.alt,
        allowed=tuple(str(x) for x in kinds),
    )


def documents(
    sweeps: Sequence[Analysed], *, tolerance_frac: float, allow: Sequence[str], root: str
) -> list[dict[str, Any]]:
    """Return every sweep against the first one, as programs read it; see `compared`."""
    from ray_bench.report.comparison import comparison_report
    from ray_bench.report.json_report import json_report

    base, kinds = sweeps[0], _kinds(allow)
    made: list[dict[str, Any]] = []
    for new in sweeps[1:]:
        found = _compare(base, new, tolerance_frac, kinds)
        about: dict[str, Any] = {"sweep_id": new.results.sweep.sweep_id, "refused": "", "allow": []}
        if isinstance(found, str):
            about |= {"outcome": None, "refused": found, "report": None, "allow": _needed(found)}
        else:
            told = comparison_report(found, base.results, new.results, new_root=root)
            about |= {"outcome": str(found.outcome), "report": json.loads(json_report(told))}
        made.append(about)
    return made


def _needed(refused: str) -> list[str]:
    """Return the kinds of differences that a refusal says can be allowed."""
    return [str(x) for x in _kinds(re.findall(r"--allow ([a-z]+)", refused))]


def _context(found: Analysed) -> Context:
    from ray_bench.report.context import Context
    from ray_bench.report.model import price_of

    if not found.studies:
        raise AnalysisError(
            f"The sweep {found.results.sweep.sweep_id!r} has no valid run to compare. Its own page "
            "says what failed."
        )
    price, currency = price_of(found.results)
    return Context(
        results=found.results,
        study=found.studies[0],
        price_per_worker_hour=price,
        currency=currency,
        number=1,
        num_groups=1,
    )


def _side(letter: str, name: str, context: Context, at: int | None) -> Side:
    return Side(
        letter=letter,
        sweep_id=context.results.sweep.sweep_id,
        name=name,
        num_runs=len(context.results.ok_runs),
        figures=tuple(_figures(context, at)),
    )


def _figures(context: Context, at: int | None) -> Iterator[Figure]:
    from ray_bench.report.html.first import rows
    from ray_bench.report.screens.numbers import numbers_of

    numbers = numbers_of(context)
    columns = [x for x in numbers.sizes if x.world_size == at]
    for row in rows(numbers, columns, numbers.quantities) if columns else ():
        if row.key in _FIGURES:
            (cell,) = row.cells
            yield Figure(title=row.title, value=cell.value, interval=cell.interval)


def _kinds(allow: Sequence[str]) -> tuple[Allow, ...]:
    """Return the kinds that are known; what else a link holds is left out."""
    from ray_bench.analysis.comparison.facts import Allow

    return tuple(x for x in Allow if x in allow)


def _compare(
    base: Analysed, new: Analysed, tolerance_frac: float, allow: Sequence[Allow]
) -> Comparison | str:
    """Return the comparison, or why it is refused."""
    from ray_bench.analysis.comparison.compare import compare

    try:
        return compare(base.results, new.results, tolerance_frac=tolerance_frac, allow=allow)
    except IncompatibleRunsError as err:
        return str(err)


def _against(
    side: Side, base: Analysed, new: Analysed, found: Comparison | str, root: str
) -> Against:
    from ray_bench.report.comparison import comparison_report
    from ray_bench.report.comparison_words import difference_words

    if isinstance(found, str):
        return Against(side=side, refused=found, allows=tuple(_needed(found)))
    differing = dict.fromkeys((*(x for p in found.pairs for x in p.differences), *found.settings))
    report = comparison_report(found, base.results, new.results, new_root=root)
    sizes = tuple(sorted({x.world_size for x in found.rows if x.world_size is not None}))
    return Against(
        side=replace(side, differs=tuple(difference_words(x) for x in differing)),
        outcome=str(found.outcome),
        screen=report.screens[0],
        sizes=sizes,
        lines=tuple(_lines(found, sizes)),
    )


def _lines(found: Comparison, sizes: Sequence[int]) -> Iterator[Line]:
    """Yield a line a metric, those of the gate first."""
    from ray_bench.report.comparison_words import plain

    by_name: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(found.rows, key=lambda x: not x.is_gated):
        by_name.setdefault((row.metric, row.detail or ""), []).append(row)
    for (metric, detail), rows in by_name.items():
        at = {x.world_size: _cell(x) for x in rows}
        title = plain(metric).capitalize() + (f", {detail}" if detail else "")
        is_gated = any(x.is_gated for x in rows)
        yield Line(title, is_gated, tuple(at.get(n) for n in sizes), at.get(None))


def _cell(row: Row) -> Cell:
    from ray_bench.report.comparison_words import change_cell, plain
    from ray_bench.report.drawing.rows import typeset
    from ray_bench.report.format import show

    kind, sign = SIGNS[row.verdict]
    shown = show(change_cell(row))
    return Cell(kind, sign, plain(row.verdict), typeset(shown.value), typeset(shown.interval))


def _overlaid(sides: Sequence[Side], contexts: Sequence[Context]) -> Picture | None:
    """Return the measured efficiencies over each other."""
    from ray_bench.report.pictures.scaling import FORECAST, IDEAL, efficiency

    known = [(s.letter, efficiency(x)) for s, x in zip(sides, contexts, strict=True)]
    drawn = [(letter, x) for letter, x in known if x is not None]
    if not drawn:
        return None
    measured = {
        n
        for _, x in drawn
        for row in x.rows
        if row["series"] not in (FORECAST, IDEAL)
        for n in [row["world_size"]]
    }
    rows = tuple(
        {**row, "curve": letter}
        for letter, x in drawn
        for row in x.rows
        if row["series"] != FORECAST and row["world_size"] in measured
    )
    alt = " ".join(f"{letter}: {x.alt}" for letter, x in drawn)
    return replace(drawn[0][1], rows=rows, alt=alt)


def _drawn_curves(picture: Picture) -> str:
    from ray_bench.report.drawing import curve
    from ray_bench.report.drawing.html import html

    return html(curve.draw(picture))


def _drawn_changes(
    found: Sequence[tuple[str, Comparison]], letters: Sequence[str], tolerance_frac: float
) -> str | None:
    from ray_bench.analysis.comparison.row import Metric
    from ray_bench.report.drawing import change
    from ray_bench.report.drawing.html import html

    rows = [
        {
            "curve": letter,
            "world_size": row.world_size,
            "change_frac": row.change.value,
            "change_frac_low": row.change.low,
            "change_frac_high": row.change.high,
        }
        for letter, comparison in found
        for row in comparison.rows
        if row.metric is Metric.THROUGHPUT and row.world_size is not None
    ]
    return html(change.draw(rows, letters, tolerance_frac)) if rows else None
