"""The report as Markdown (GitHub's tables). Text from anywhere is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from ray_bench.report.cells import Cell, Section, Table
from ray_bench.report.format import clean, clean_line, show
from ray_bench.report.model import Report
from ray_bench.report.picture import Picture

#: Characters that Markdown or HTML would act on wherever they stand.
_SPECIAL = re.compile(r"([\\`*\[\]<>|~$&])|(?<![^\W_])(_)|(_)(?![^\W_])")
#: Characters that make a heading, list or rule at the start of a line.
_LINE_START = re.compile(r"^(\s*)([#+-]|\d+[.)](?=\s|$)|=+$)")
_ENTITY = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def markdown_report(report: Report, images: Mapping[str, str] | None = None) -> str:
    """Return the whole report as Markdown.

    Args:
        report: What to say.
        images: Where the file of a picture is, seen from that of the report, by its key. Pictures
            without a file are left out.
    """
    return "\n".join(_lines(report, images or {})) + "\n"


def escape(words: str) -> str:
    """Return text in which nothing is markup."""
    return _SPECIAL.sub(_escaped, clean(words))


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    return _ENTITY.get(char, f"\\{char}")


def _paragraph(words: str) -> str:
    return _LINE_START.sub(r"\1\\\2", escape(words))


def _lines(report: Report, images: Mapping[str, str]) -> Iterator[str]:
    yield from (f"# {escape(report.title)}", "", f"**{escape(report.answer)}**", "")
    for flag in report.flags:
        runs = f" ({flag.runs})" if flag.num_runs else ""
        yield f"- **{escape(flag.key)}**{runs}: {escape(flag.text)}"
    if report.flags:
        yield ""
    yield from (f"*{escape(report.legend)}*", "")
    for section in report.sections:
        drawn = [x for x in report.pictures if x.section == section.key and x.key in images]
        yield from _section(section, [(x, images[x.key]) for x in drawn])


def _section(section: Section, drawn: Sequence[tuple[Picture, str]]) -> Iterator[str]:
    yield from (f"## {escape(section.title)}", "")
    for words in section.paragraphs:
        yield from (_paragraph(words), "")
    for picture, path in drawn:
        yield from (f"![{escape(picture.alt)}]({quote(path)})", "")
        yield from (_paragraph(" ".join(picture.notes)), "")
    for table in section.tables:
        yield from _table(table.drawn)
    if section.code is not None:
        yield from _code(section.code)


def _table(table: Table) -> Iterator[str]:
    yield from (f"### {escape(table.title)}", "")
    if table.rows:
        yield _row([escape(column.title) for column in table.columns])
        yield _row([":--" if table.is_text(i) else "--:" for i in range(len(table.columns))])
        for row in table.rows:
            yield _row([_cell(cell) for cell in row])
        yield ""
    for note in table.notes:
        yield from (_paragraph(note), "")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    shown = show(cell)
    mark = f" *{shown.mark}*" if shown.mark else ""
    interval = f" ({shown.interval})" if shown.interval else ""
    return f"{escape(shown.value)}{mark}{interval}"


def _code(code: str) -> Iterator[str]:
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (fence, *(clean_line(line) for line in code.splitlines()), fence, "")
