"""The report as Markdown, as GitHub and GitLab show it: the answer and pictures, then folds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ray_bench.report.cells import Cell, Section, Table
from ray_bench.report.format import show
from ray_bench.report.markdown_text import code_block, escape, image, in_html, paragraph, row
from ray_bench.report.model import Report
from ray_bench.report.picture import Picture
from ray_bench.report.screen import Fold
from ray_bench.report.screen_markdown import numbers_table, screen_lines

__all__ = ["escape", "markdown_report"]


def markdown_report(report: Report, images: Mapping[str, str] | None = None) -> str:
    """Return the whole report as Markdown.

    Args:
        report: What to say.
        images: Where the file of a picture is, seen from that of the report, by its key. Pictures
            without a file are left out.
    """
    lines = _screens if report.screens else _plain
    return "\n".join(lines(report, images or {})) + "\n"


def _screens(report: Report, images: Mapping[str, str]) -> Iterator[str]:
    yield from (f"# {escape(report.title)}", "")
    for screen in report.screens:
        yield from screen_lines(screen, images)
    yield from (f"*{escape(report.legend)}*", "")
    shown = {y.key for x in report.screens for y in (x.curve, *(z.picture for z in x.panels)) if y}
    unseen = {key: path for key, path in images.items() if key not in shown}
    for fold in report.folds:
        yield from _fold(fold, unseen)


def _plain(report: Report, images: Mapping[str, str]) -> Iterator[str]:
    """Yield a report that is of no sweep, which has no folds."""
    yield from (f"# {escape(report.title)}", "", f"**{escape(report.answer)}**", "")
    for flag in report.flags:
        runs = f" ({flag.runs})" if flag.num_runs else ""
        yield f"- **{escape(flag.key)}**{runs}: {escape(flag.text)}"
    if report.flags:
        yield ""
    yield from (f"*{escape(report.legend)}*", "")
    for section in report.sections:
        yield from _section(section, report.pictures, images)


def _fold(fold: Fold, images: Mapping[str, str]) -> Iterator[str]:
    """Yield what is closed until somebody opens it. Blank lines let it be Markdown within."""
    yield from (_summary(fold.title, fold.says), "")
    if fold.numbers is not None:
        yield from numbers_table(fold.numbers, fold.numbers.quantities, with_topics=True)
    sections = {section.key for section in fold.sections}
    for picture in fold.pictures:
        if picture.section not in sections and picture.key in images:
            yield from image(picture, images[picture.key])
    for section in fold.sections:
        yield from _section(section, fold.pictures, images, within=fold.title)
    yield from ("</details>", "")


def _summary(title: str, says: str) -> str:
    more = f": {in_html(says)}" if says else ""
    return f"<details>\n<summary><b>{in_html(title)}</b>{more}</summary>"


def _section(
    section: Section, pictures: Sequence[Picture], images: Mapping[str, str], *, within: str = ""
) -> Iterator[str]:
    """Yield a section; `within` is the title above it. No title is written twice."""
    if not within or section.title not in (within, *(table.title for table in section.tables)):
        yield from (f"## {escape(section.title)}", "")
    for words in section.paragraphs:
        yield from (paragraph(words), "")
    for picture in pictures:
        if picture.section == section.key and picture.key in images:
            yield from image(picture, images[picture.key])
    for table in section.tables:
        yield from _table(table.drawn)
    if section.code is not None:
        yield from code_block(section.code)


def _table(table: Table) -> Iterator[str]:
    yield from (f"### {escape(table.title)}", "")
    if table.rows:
        yield row([escape(column.title) for column in table.columns])
        yield row([":--" if table.is_text(i) else "--:" for i in range(len(table.columns))])
        for cells in table.rows:
            yield row([_cell(cell) for cell in cells])
        yield ""
    for note in table.notes:
        yield from (paragraph(note), "")


def _cell(cell: Cell) -> str:
    shown = show(cell)
    interval = f" ({shown.interval})" if shown.interval else ""
    return f"{escape(shown.value)}{interval}"
