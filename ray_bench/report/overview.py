"""What a reader sees first: the answer in one sentence, its numbers, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ray_bench.report.cells import Cell, Section, Table
from ray_bench.report.context import Context, workers
from ray_bench.report.decision_words import next_words
from ray_bench.report.remedies import bottleneck_name, remedy_words
from ray_bench.report.sentences import answer, reason

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
#: Columns of the table of measured world sizes that stand beside the answer.
_MEASURED = {
    "speedup": "Speedup",
    "efficiency": "Parallel efficiency",
    "throughput": "Samples/s",
    "val_accuracy": "Validation accuracy",
}
#: Columns of the table of what a run takes.
_SPENT = {"time": "Time per run", "cost": "Cost per run", "energy": "Energy per run"}
#: Rows of a predicted recommendation that the answer or the table of what a run takes has.
_ELSEWHERE = ("Why", "Workers", "Time per run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number behind the answer: a cell of one of the report's tables."""

    label: str
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The first screen of a group: words and cells that the report has further down, too."""

    sentence: str
    details: str = ""
    figures: tuple[Figure, ...] = ()
    next_steps: tuple[str, ...] = ()


def split_answer(words: str) -> tuple[str, str]:
    """Return the first sentence and the rest; nothing is lost but the blank between them."""
    found = _SENTENCE_END.split(words, maxsplit=1)
    return (found[0], found[1]) if len(found) > 1 else (words, "")


def plain_overview(words: str) -> Overview:
    """Return an answer that has no numbers of its own."""
    sentence, details = split_answer(words)
    return Overview(sentence=sentence, details=details)


def overview(context: Context, sections: Sequence[Section]) -> Overview:
    """Return the first screen of a group.

    Args:
        context: The group.
        sections: Of the report; the numbers are taken from their tables.
    """
    sentence, details = split_answer(answer(context))
    steps = list(_next_steps(context))
    if context.study.decision.recommended is None:
        remedy = split_answer(reason(context))[1]
        details = details.removeprefix(remedy).strip()
        steps = [x for x in (remedy.replace("Next:", "Measure again with"), *steps) if x]
    tables = {table.key: table for section in sections for table in section.tables}
    return Overview(
        sentence=sentence,
        details=details,
        figures=tuple(_figures(context, tables)),
        next_steps=tuple(steps),
    )


def _next_steps(context: Context) -> Iterator[str]:
    if (worst := context.study.verdict.worst) is not None:
        name, remedy = bottleneck_name(worst), remedy_words(context, worst)
        yield f"Against the limit, {name}: {remedy[:1].lower()}{remedy[1:]}"
    if words := next_words(context):
        yield words


def _figures(context: Context, tables: dict[str, Table]) -> Iterator[Figure]:
    best = context.study.decision.recommended
    sizes = context.study.group.world_sizes
    rows = {n: _row(tables.get(context.key("summary")), n) for n in sizes}
    if best is None:
        ends = dict.fromkeys((sizes[0], sizes[-1]))
        found = [(f"Samples/s, {workers(n)}", rows[n].get("throughput")) for n in ends]
    elif best == context.study.baseline < sizes[-1]:
        # Its own speedup is 1 by definition: the answer rests on that of the others.
        last = sizes[-1]
        found = [
            (f"Speedup, {workers(last)}", rows[last].get("speedup")),
            (f"Samples/s, {workers(last)}", rows[last].get("throughput")),
            (f"Samples/s, {workers(best)}", rows[best].get("throughput")),
        ]
    elif best in rows:
        found = [(label, rows[best].get(key)) for key, label in _MEASURED.items()]
    else:
        recommended = tables[context.key("recommendation")].rows
        found = [(str(label.value), cell) for label, cell in recommended]
        found = [(label, cell) for label, cell in found if label not in _ELSEWHERE]
    spent = {} if best is None else _row(tables.get(context.key("run_spend")), best)
    found += [(label, spent.get(key)) for key, label in _SPENT.items()]
    for label, cell in found:
        if cell is not None and cell.value is not None:
            yield Figure(label=label, cell=cell)


def _row(table: Table | None, size: int) -> dict[str, Cell]:
    """Return a table's row of a world size by column; empty where there is none."""
    if table is None:
        return {}
    keys = [column.key for column in table.columns]
    rows = (dict(zip(keys, row, strict=True)) for row in table.rows)
    return next((row for row in rows if row["world_size"].value == size), {})
