"""The report on a terminal. Tables that are too wide are continued below, never squeezed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from ray_bench.errors import ConfigError
from ray_bench.report.cells import Cell, Section, Table
from ray_bench.report.flags import Flag
from ray_bench.report.format import clean, clean_line, show
from ray_bench.report.model import Report
from ray_bench.report.picture import Picture
from ray_bench.report.screen import Fold
from ray_bench.report.screen_terminal import print_quantities, print_screens
from ray_bench.report.terminal_curves import print_curves

_GAP = 2  # blank columns between two columns of a table
_MIN_TEXT_WIDTH = 24


def print_report(report: Report, console: Console) -> None:
    """Print the whole report; of a sweep the answer comes last, so that it stays in view."""
    console.print(Text(clean(report.title), style="bold underline"))
    console.print()
    if report.screens:
        console.print(Text(clean(report.legend), style="dim"))
        for fold in report.folds:
            _print_fold(fold, console)
        console.print()
        print_screens(report, console)
        return
    console.print(Text(clean(report.answer), style="bold"))
    console.print()
    _print_flags(report.flags, console)
    console.print(Text(clean(report.legend), style="dim"))
    for section in report.sections:
        _print_section(section, console, report.pictures)


def print_fold(report: Report, key: str, console: Console) -> None:
    """Print one fold of a report.

    Raises:
        ConfigError: There is none of this key; names those that there are.
    """
    found = [fold for fold in report.folds if fold.key == key]
    if not found:
        known = ", ".join(fold.key for fold in report.folds) or "none"
        raise ConfigError(f"This report has no fold {key!r}; there are: {known}.")
    _print_fold(found[0], console)


def _print_flags(flags: Sequence[Flag], console: Console) -> None:
    for flag in flags:
        runs = f" ({flag.runs})" if flag.num_runs else ""
        head = Text(f"! {clean(flag.key)}{runs}: ", style="bold yellow")
        console.print(head.append(clean(flag.text), style="not bold"))
    if flags:
        console.print()


def _print_fold(fold: Fold, console: Console) -> None:
    console.print()
    console.rule(Text(clean(fold.title), style="bold"), align="left")
    if fold.says:
        console.print(Text(clean(fold.says), style="bold"))
    if fold.numbers is not None:
        print_quantities(fold.numbers, console)
    sections = {section.key for section in fold.sections}
    for picture in fold.pictures:
        if picture.section not in sections:
            print_curves(picture, console)
    for section in fold.sections:
        _print_section(section, console, fold.pictures, within=fold.title)


def _print_section(
    section: Section, console: Console, pictures: Sequence[Picture] = (), *, within: str = ""
) -> None:
    """Print a section; `within` is the title above it. No title is printed twice."""
    console.print()
    if not within:
        console.rule(Text(clean(section.title), style="bold"), align="left")
    elif section.title not in (within, *(table.title for table in section.tables)):
        console.print(Text(clean(section.title), style="bold underline"))
    for words in section.paragraphs:
        console.print(Text(clean(words)))
    for picture in pictures:
        if picture.section == section.key:
            print_curves(picture, console)
    for table in section.tables:
        _print_table(table.drawn, console)
    if section.code is not None:
        code = "\n".join(clean_line(line) for line in section.code.splitlines())
        console.print(Padding(Text(code, overflow="fold"), (0, 0, 0, 2)))


def _print_table(table: Table, console: Console) -> None:
    console.print()
    console.print(Text(clean(table.title), style="bold"))
    if table.rows:
        for widths in split_columns(table, console.width):
            console.print(_drawn(table, widths))
    for note in table.notes:
        console.print(Text(clean(note), style="italic"))


def split_columns(table: Table, width: int) -> Iterator[dict[int, int]]:
    """Yield the parts of a table: column index to width. The first column is in every part."""
    least = [_least_width(table, index) for index in range(len(table.columns))]
    part = [0]
    for index in range(1, len(least)):
        if _used(least, [*part, index]) > width and len(part) > 1:
            yield _widths(table, least, part, width)
            part = [0]
        part.append(index)
    yield _widths(table, least, part, width)


def _used(widths: Sequence[int], part: Sequence[int]) -> int:
    return sum(widths[index] for index in part) + _GAP * (len(part) - 1)


def _widths(table: Table, least: Sequence[int], part: Sequence[int], width: int) -> dict[int, int]:
    """Return the width of every column of a part; columns of words share what is left."""
    left = width - _used(least, part)
    widths = {index: least[index] for index in part}
    for index in part:
        more = max(0, min(left, _longest(table, index) - widths[index]))
        widths[index] += more
        left -= more
    return widths


def _least_width(table: Table, index: int) -> int:
    heading = max((len(word) for word in clean(table.columns[index].title).split()), default=0)
    longest = _longest(table, index)
    return max(heading, min(longest, _MIN_TEXT_WIDTH) if table.is_text(index) else longest)


def _longest(table: Table, index: int) -> int:
    lines = (line for row in table.rows for line in _text(row[index]).plain.split("\n"))
    return max(cell_len(line) for line in lines)


def _drawn(table: Table, widths: Mapping[int, int]) -> RichTable:
    drawn = RichTable(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for index, width in widths.items():
        drawn.add_column(
            Text(clean(table.columns[index].title)),
            justify="left" if table.is_text(index) else "right",
            overflow="fold",
            width=width,
            vertical="top",
        )
    for row in table.rows:
        drawn.add_row(*(_text(row[index]) for index in widths))
    return drawn


def _text(cell: Cell) -> Text:
    """Return a cell as one or two lines: the value, then the interval."""
    shown = show(cell)
    drawn = Text(shown.value)
    if shown.interval:
        drawn.append(f"\n{shown.interval}", style="dim")
    return drawn
