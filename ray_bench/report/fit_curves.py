"""Fitted curves of a file: one as a report of its own, several side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ray_bench.analysis.fit.drift import Drift
from ray_bench.analysis.fit.forecast import CurveFit, Forecast, default_sizes, fit_curve, reached
from ray_bench.analysis.fit.measured import MeasuredCurve
from ray_bench.analysis.fit.warnings import warnings_of
from ray_bench.report.cells import Cell, Section, Table, asked, estimate, number, table, text
from ray_bench.report.fit_json import FORMAT_VERSION, fit_json
from ray_bench.report.fit_memory import CurveMemory, memory_document, memory_table
from ray_bench.report.fit_report import fit_report, law_said
from ray_bench.report.fit_tables import efficiency, points_of_fit
from ray_bench.report.fit_words import warning_words
from ray_bench.report.flags import Flag
from ray_bench.report.format import LEGEND, show
from ray_bench.report.model import Report
from ray_bench.report.pictures.curves import Point, curves_picture
from ray_bench.stats.estimate import Estimate

#: The unit of curves of which nothing tells how fast one worker is.
RELATIVE = "speedup"
_THROUGHPUT = "throughput"
_SAMPLES = "samples/s"  # the unit of laws


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedCurve:
    """A curve that was read, with its laws and its forecast."""

    name: str  # "" where it is the only one
    measured: MeasuredCurve
    unit: str | None  # of throughput; None: the file does not tell it
    fit: CurveFit
    rows: tuple[Forecast, ...]
    is_asked: bool  # whether somebody wanted these world sizes
    memory: CurveMemory | None = None

    @classmethod
    def of(
        cls,
        name: str,
        measured: MeasuredCurve,
        unit: str | None,
        drift: Drift | None,
        world_sizes: Sequence[int],
        level: float,
        *,
        is_unit_sure: bool = False,
        batch: float | None = None,
    ) -> FittedCurve:
        """Fit a curve.

        Args:
            name: What makes it another one than those beside it.
            measured: Its points.
            unit: Of throughput.
            drift: How far laws may be wrong; None as usual.
            world_sizes: To predict; none: doublings of the measured ones.
            level: Of the intervals.
            is_unit_sure: Whether somebody says so: then a jump is one of throughput.
            batch: Global one of the forecast, in batches of a worker at the smallest world size;
                None: as the points go on.
        """
        points = measured.points if batch is None else measured.points.with_batch(batch)
        found = fit_curve(points, drift, is_unit_sure=is_unit_sure)
        rows = found.forecast(world_sizes or default_sizes(points), level)
        return cls(
            name=name,
            measured=measured,
            unit=unit,
            fit=found,
            rows=rows,
            is_asked=bool(world_sizes),
        )

    @property
    def shown(self) -> tuple[Forecast, ...]:
        """The world sizes to show: those that nobody asked for end where nothing is known."""
        return self.rows if self.is_asked else reached(self.rows)

    @property
    def last(self) -> Forecast | None:
        """The last world size of which something is known."""
        return next((x for x in reversed(self.shown) if x.unknown is None), None)

    @property
    def unit_words(self) -> str:
        """The unit of throughput, as far as it is known."""
        return self.unit or "the unit of the file, which it does not tell"


def other_scaling_words(curve: FittedCurve, world_sizes: Sequence[int]) -> str:
    """Return what the forecast of a weak curve would be if the global batch had been fixed.

    Args:
        curve: Fitted as weak scaling.
        world_sizes: As it was fitted with.
    """
    strong = replace(curve.measured, scaling="strong")
    other = FittedCurve.of(curve.name, strong, curve.unit, curve.fit.drift, world_sizes, 0.95)
    known = [
        x for x in zip(curve.rows, other.rows, strict=True) if all(y.unknown is None for y in x)
    ]
    if not known:
        return "the points are the same"
    here, there = (show(number(x.speedup.value, "x", "derived")).value for x in known[-1])
    about = f" of {curve.name}" if curve.name else ""
    return (
        f"the points are the same, and the forecast{about} at {known[-1][0].world_size} workers "
        f"is a speedup of {there} instead of {here}"
    )


def curves_json(curves: Sequence[FittedCurve], said: Sequence[str], level: float) -> str:
    """Return the fits as JSON text: one as it is, several as a list `curves`, each with its name.

    Args:
        curves: At least one.
        said: What was read as what.
        level: Of the intervals.
    """
    documents = [_document(x, level) for x in curves]
    if len(curves) == 1:
        document = {**documents[0], "read": list(said)}
    else:
        named = [{"name": x.name, **y} for x, y in zip(curves, documents, strict=True)]
        document = {"format_version": FORMAT_VERSION, "read": list(said), "curves": named}
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)


def _document(curve: FittedCurve, level: float) -> dict[str, Any]:
    unit = curve.unit or "throughput of the file"
    text = fit_json(curve.measured, curve.fit, curve.rows, level, unit, is_asked=curve.is_asked)
    document: dict[str, Any] = json.loads(text.replace(f'"{_SAMPLES}"', json.dumps(unit)))
    memory = None if curve.memory is None else memory_document(curve.memory, curve.rows)
    return {**document, "throughput_unit": curve.unit, "peak_memory": memory}


def curves_report(
    name: str, curves: Sequence[FittedCurve], said: Sequence[str], level: float
) -> Report:
    """Return what a person reads about the curves of a file.

    Args:
        name: Of the file.
        curves: At least one.
        said: What was read as what.
        level: Of the intervals.
    """
    found = _one(name, curves[0], level) if len(curves) == 1 else _several(name, curves, level)
    first, *others = found.sections
    words = tuple(_sentence(x) for x in said)
    memory = memory_table([(x.name, x.memory, x.rows) for x in curves if x.memory is not None])
    first = replace(first, paragraphs=(*words, *first.paragraphs), tables=(*first.tables, *memory))
    return replace(found, sections=(first, *others))


def _sentence(words: str) -> str:
    """Return words as a sentence; the name of a file at its beginning stays as it is."""
    first, _, _ = words.partition(" ")
    return f"{words}." if "." in first else f"{words[:1].upper()}{words[1:]}."


def _one(name: str, curve: FittedCurve, level: float) -> Report:
    title = f"{name}, {curve.name}" if curve.name else name
    found = fit_report(
        title, curve.fit, curve.rows, level, curve.unit_words, is_asked=curve.is_asked
    )
    found = _with_unit(found, curve.unit or "throughput of the file")
    if curve.unit != RELATIVE:
        return found
    first, *others = found.sections
    words = (*first.paragraphs[:-1], _relative_words(curve.fit))
    tables = tuple(_without(x, _THROUGHPUT) for x in first.tables)
    section = replace(first, paragraphs=words, tables=tables)
    answer = _relative_answer(found.answer, curve)
    return replace(found, answer=answer, sections=(section, *others))


def _with_unit(found: Report, unit: str) -> Report:
    """Return a report in which the parameters of laws have the unit that the file has."""
    first, *others = found.sections
    tables = tuple(
        replace(x, rows=tuple(tuple(_renamed(cell, unit) for cell in row) for row in x.rows))
        for x in first.tables
    )
    return replace(found, sections=(replace(first, tables=tables), *others))


def _renamed(cell: Cell, unit: str) -> Cell:
    if not isinstance(cell.value, str):
        return cell
    return replace(cell, value=cell.value.replace(f"[{_SAMPLES}]", f"[{unit}]"))


def _relative_words(fit: CurveFit) -> str:
    first = fit.points.place.world_size[0]
    return (
        f"The file has speedups alone: they are shown against {_workers(first)}, and nothing says "
        "how many samples a second that is."
    )


def _workers(count: float) -> str:
    return f"{count:g} worker" if count == 1 else f"{count:g} workers"


def _relative_answer(answer: str, curve: FittedCurve) -> str:
    """Return the answer with a speedup in the place of the throughput."""
    last = curve.last
    if last is None or curve.fit.slips:
        return answer.replace("Throughput of", "The speedup of").replace(
            "Throughput", "The speedup"
        )
    law = law_said(curve.fit)
    speedup = show(estimate(last.speedup, "x", "predicted"))
    share = show(estimate(last.efficiency, "frac", "predicted"))
    return f"{law}. {_workers(last.world_size)}: speedup {speedup}, efficiency {share}."


def _without(found: Table, key: str) -> Table:
    """Return a table without a column."""
    kept = [i for i, x in enumerate(found.columns) if x.key != key]
    return replace(
        found,
        columns=tuple(found.columns[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in found.rows),
    )


def _several(name: str, curves: Sequence[FittedCurve], level: float) -> Report:
    units = list(dict.fromkeys(x.unit_words for x in curves))
    section = Section(
        "curves",
        "Curves",
        paragraphs=tuple(
            [f"Throughput is in {x}." for x in units if x != RELATIVE] if len(units) == 1 else []
        ),
        tables=(_table(curves, level), _laws(curves)),
    )
    return Report(
        title=f"Scaling laws: {name}",
        sweep_id="",
        answer=" ".join(_answer(x) for x in curves),
        flags=_flags(curves),
        sections=(section,),
        pictures=(curves_picture([_points(x) for x in curves], section.key),),
        legend=LEGEND.replace("95 %", f"{100 * level:g} %"),
    )


def _answer(curve: FittedCurve) -> str:
    *_, (size, rate, _, _) = points_of_fit(curve.fit)
    share = show(number(efficiency(curve.fit, size, rate), "frac"))
    return f"{curve.name}: efficiency {share} at {size:g} workers."


def _flags(curves: Sequence[FittedCurve]) -> tuple[Flag, ...]:
    """Return the warnings, each once with the curves that it is about."""
    names: dict[tuple[str, str], list[str]] = {}
    for curve in curves:
        for x in warnings_of(curve.fit, [row.world_size for row in curve.rows]):
            names.setdefault((x.kind, warning_words(x)), []).append(curve.name)
    return tuple(
        Flag(kind, f"{', '.join(about)}: {words}" if len(about) < len(curves) else words)
        for (kind, words), about in names.items()
    )


def _table(curves: Sequence[FittedCurve], level: float) -> Table:
    columns = {
        "curve": "Curve",
        "world_size": "Workers",
        "throughput": "Throughput",
        "speedup": "Speedup",
        "efficiency": "Efficiency",
    }
    rows = [row for curve in curves for row in _rows(curve)]
    notes = [
        "Speedup and efficiency are against the smallest world size of the same curve. An "
        f"interval is where one new run would lie ({100 * level:g} %)."
    ]
    found = table("curves", "Measured and predicted", columns, rows, notes)
    return _without(found, _THROUGHPUT) if all(x.unit == RELATIVE for x in curves) else found


def _rows(curve: FittedCurve) -> Iterator[tuple[Cell, ...]]:
    """Yield the measured points of a curve, then its forecast."""
    rates = [(size, rate) for size, rate, _, _ in points_of_fit(curve.fit)]
    for size, rate in rates:
        yield (
            text(curve.name),
            asked(size),
            number(rate, "samples/s"),
            number(rate / rates[0][1], "x"),
            number(efficiency(curve.fit, size, rate), "frac"),
        )
    measured = {size for size, _ in rates}
    for row in curve.shown:
        if row.world_size not in measured:
            is_known = row.unknown is None
            yield (
                text(curve.name),
                asked(row.world_size),
                estimate(row.throughput if is_known else None, "samples/s", "predicted"),
                estimate(row.speedup if is_known else None, "x", "predicted"),
                estimate(row.efficiency if is_known else None, "frac", "predicted"),
            )


def _laws(curves: Sequence[FittedCurve]) -> Table:
    columns = {"curve": "Curve", "law": "Law", "forward": "Error from smaller ones"}
    rows = []
    for curve in curves:
        taken = curve.fit.chosen
        error = None if taken is None else taken.test.forward_error
        law = "none fits" if taken is None else taken.test.law.title
        if taken is None and not curve.fit.is_tested:
            law = "none is tested"
        rows.append((text(curve.name), text(law), number(error, "frac")))
    notes = ["--where COLUMN=VALUE, or --row NAME, shows one curve with all of its laws."]
    return table("laws", "Laws", columns, rows, notes)


def _points(curve: FittedCurve) -> list[Point]:
    rates = [(size, rate) for size, rate, _, _ in points_of_fit(curve.fit)]
    first = rates[0][1]
    found = [
        Point(curve.name, size, Estimate(rate / first), is_predicted=False) for size, rate in rates
    ]
    measured = {size for size, _ in rates}
    return found + [
        Point(curve.name, row.world_size, row.speedup, is_predicted=True)
        for row in curve.shown
        if row.world_size not in measured and row.unknown is None
    ]
