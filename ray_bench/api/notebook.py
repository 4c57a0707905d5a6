"""Results as a cell of a notebook: the answer, what to be careful about, and the first numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from ray_bench.report.cells import Table
from ray_bench.report.format import clean, show
from ray_bench.report.model import Report
from ray_bench.report.screens.numbers_table import numbers_table


def page(report: Report) -> str:
    """Return HTML without scripts or styles: a notebook brings its own. Text is escaped."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"<p><strong>{_words(report.title)}</strong></p>"
    yield f"<p>{_words(report.answer)}</p>"
    if report.flags:
        items = (f"<li><b>{_words(x.key)}</b>: {_words(x.text)}</li>" for x in report.flags)
        yield f"<ul>{''.join(items)}</ul>"
    for screen in report.screens:
        first = replace(screen.numbers, quantities=screen.numbers.first)
        yield _table(numbers_table("numbers", first))


def _table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{_words(x.title)}</th>' for x in table.columns)
    rows = ("".join(f"<td>{_words(str(show(cell)))}</td>" for cell in row) for row in table.rows)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    caption = f"<caption>{_words(table.title)}</caption>"
    return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _words(text: str) -> str:
    return escape(clean(text))
