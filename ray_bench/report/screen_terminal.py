"""The first screen on a terminal: curve, numbers, why, caveats, next step, and the answer last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ray_bench.report.cells import Cell
from ray_bench.report.format import clean, show
from ray_bench.report.model import Report
from ray_bench.report.picture import Picture
from ray_bench.report.screen import Answer, Caveat, Fold, NextStep, Numbers, Screen, Size
from ray_bench.report.screens.spoken import lead_words, next_words
from ray_bench.report.terminal_chart import chart_lines

HEAD = 8  # columns before the first world size: the axis, or `Workers`
_WIDEST = 120
_MOST_BLANKS = 6  # between two world sizes
_NARROWEST = 4  # columns of a world size of a curve that stands alone
_LEVELS = {"bad": ("!!", "bold red"), "warn": ("!", "bold yellow"), "note": ("-", "dim")}


def print_screens(
    report: Report, console: Console, *, how_to_open: str | None = None, whole: str | None = None
) -> None:
    """Print what answers the question; the answer of every curve comes last.

    Args:
        report: With a screen at least.
        console: Where to.
        how_to_open: The command that prints a fold, without the fold's key; None where all folds
            are printed.
        whole: How to have all of them printed.
    """
    for screen in report.screens:
        _print_curve(screen, console)
    if how_to_open is not None and report.folds:
        _print_folds(report.folds, console, how_to_open, whole)
    for screen in report.screens:
        _print_answer(screen, console)


def _print_curve(screen: Screen, console: Console) -> None:
    between = ", " if console.options.ascii_only else " · "
    console.print(Text(clean(between.join(screen.context)), style="dim"))
    if screen.name is not None:
        console.print(Text(clean(screen.name), style="bold"))
    console.print()
    console.print(Text(clean(screen.curve_title), style="bold"))
    if screen.numbers.first:
        _print_first(screen, console)
    for panel in screen.panels:
        console.print()
        line = Text(f"{clean(panel.ask)}: ", style="dim")
        console.print(line.append(clean(panel.title), style="not dim bold"))
        if panel.says:
            console.print(Text(clean(panel.says)))
    console.print()


def print_quantities(numbers: Numbers, console: Console) -> None:
    """Print all quantities by topic, crossed with world sizes."""
    for part, width in _parts(numbers, console):
        _print_rows(part, width, console, with_topics=True)
    _print_foot(numbers, console)


def _print_first(screen: Screen, console: Console) -> None:
    """Print the curve, and in its columns the quantities that stand under it.

    Where these need more than one table, the curve stays whole, with columns of its own.
    """
    first = replace(screen.numbers, quantities=screen.numbers.first)
    parts = list(_parts(first, console))
    narrow = (min(console.width, _WIDEST) - HEAD) // max(1, len(first.sizes))
    is_apart = len(parts) > 1 and narrow >= _NARROWEST
    if is_apart:
        _print_chart(first, screen.curve, narrow, console)
        console.print(_row([str(x.world_size) for x in first.sizes], narrow, "bold", "Workers"))
        console.print()
    for part, width in parts:
        if not is_apart:
            _print_chart(part, screen.curve, width, console)
        _print_rows(part, width, console, with_topics=False)
    _print_foot(screen.numbers, console)


def _print_chart(numbers: Numbers, curve: Picture | None, width: int, console: Console) -> None:
    for line in chart_lines(numbers, curve, HEAD, width, ascii_only=console.options.ascii_only):
        console.print(line)


def _print_foot(numbers: Numbers, console: Console) -> None:
    if numbers.foot:
        console.print(Text(clean(numbers.foot), style="italic dim"))


def _parts(numbers: Numbers, console: Console) -> Iterator[tuple[Numbers, int]]:
    """Yield the world sizes that find room beside each other, and how wide each of them is."""
    shown = (_shown(x, is_ascii=False) for q in numbers.quantities for x in q.cells)
    words = [*(x for pair in shown for x in pair), *(_status(x) for x in numbers.sizes)]
    needed = max(map(cell_len, words), default=0) + 1
    room = min(console.width, _WIDEST) - HEAD
    num_parts = -(-len(numbers.sizes) // max(1, room // needed))
    each = -(-len(numbers.sizes) // max(1, num_parts))
    width = max(needed, min(needed + _MOST_BLANKS, room // max(1, each)))
    for first in range(0, len(numbers.sizes), max(1, each)):
        yield _of_sizes(numbers, slice(first, first + each)), width


def _of_sizes(numbers: Numbers, part: slice) -> Numbers:
    cut = tuple(replace(x, cells=x.cells[part]) for x in numbers.quantities)
    return replace(numbers, sizes=numbers.sizes[part], quantities=cut)


def _print_rows(numbers: Numbers, width: int, console: Console, *, with_topics: bool) -> None:
    """Print world sizes, and of every quantity its name, its values and their intervals."""
    console.print(_row([str(x.world_size) for x in numbers.sizes], width, "bold", "Workers"))
    status = [_status(x) for x in numbers.sizes]
    if set(status) != {"measured"}:
        console.print(_row(status, width, "dim"))
    topic = ""
    for quantity in numbers.quantities:
        if with_topics and quantity.topic != topic:
            console.print(Text(f"\n{clean(quantity.topic)}", style="bold underline"))
            topic = quantity.topic
        if quantity.title:
            title = Text(clean(quantity.title), style="bold")
            note = clean(quantity.note)
            console.print(title.append(f"  {note}" if note else "", style="not bold dim"))
        shown = [_shown(x, is_ascii=console.options.ascii_only) for x in quantity.cells]
        console.print(_row([value for value, _ in shown], width))
        if any(interval for _, interval in shown):
            console.print(_row([interval for _, interval in shown], width, "dim"))


def _row(words: Sequence[str], width: int, style: str = "", head: str = "") -> Text:
    line = Text(head.ljust(HEAD), no_wrap=True)
    for word in words:
        blanks = width - cell_len(word)
        line.append(" " * (blanks - blanks // 2) + word + " " * (blanks // 2), style=style)
    line.rstrip()
    return line


def _status(size: Size) -> str:
    if not size.is_claimed:
        return "no claim"
    if size.is_chosen:
        return "chosen"
    return "measured" if size.is_measured else "forecast"


def _shown(cell: Cell, *, is_ascii: bool) -> tuple[str, str]:
    """Return a value and its interval, which is written short: columns are narrow."""
    shown = show(cell)
    if cell.low is None or cell.low < 0 or cell.unit in ("points", "change"):  # it has a sign
        return shown.value, shown.interval
    return shown.value, shown.interval.replace(" to ", "-" if is_ascii else "–")  # noqa: RUF001


def _print_folds(
    folds: Sequence[Fold], console: Console, how_to_open: str, whole: str | None
) -> None:
    console.print(Text(f"More: {clean(how_to_open)} KEY", style="bold"), soft_wrap=True)
    keys = [*(clean(x.key) for x in folds), clean(whole or "")]
    width = max(map(cell_len, keys)) + 2
    drawn = RichTable(box=None, padding=0, pad_edge=False, show_header=False)
    drawn.add_column(width=width + 2, no_wrap=True)
    drawn.add_column()
    for fold in folds:
        says = f": {clean(fold.says)}" if fold.says else ""
        drawn.add_row(Text(f"  {clean(fold.key)}"), Text(f"{clean(fold.title)}{says}"))
    if whole is not None:
        drawn.add_row(Text(f"  {clean(whole)}"), Text("all of it"))
    console.print(drawn)
    console.print()


def _print_answer(screen: Screen, console: Console) -> None:
    answer = screen.answer
    if answer.caveats:
        console.print(Text("Before you believe it", style="bold"))
        for caveat in answer.caveats:
            _print_caveat(caveat, console)
        console.print()
    if answer.next is not None:
        _print_next(answer.next, console)
    _print_lead(screen.name, answer, console)


def _print_caveat(caveat: Caveat, console: Console) -> None:
    mark, style = _LEVELS[caveat.level]
    line = Text(f"{clean(caveat.head)} ", style="bold").append(clean(caveat.text), style="not bold")
    drawn = RichTable(box=None, padding=0, pad_edge=False, show_header=False)
    drawn.add_column(width=3)
    drawn.add_column()
    drawn.add_row(Text(mark, style=style), line)
    console.print(drawn)


def _print_next(step: NextStep, console: Console) -> None:
    words = Text(clean(next_words(step)))
    words.stylize("bold", 0, len("Next:"))
    console.print(words)
    if step.command is not None:
        # Not broken into lines: it is there to be copied.
        console.print(Text(f"  {clean(step.command)}"), soft_wrap=True)
    console.print()


def _print_lead(name: str | None, answer: Answer, console: Console) -> None:
    if name is not None:
        console.print(Text(clean(name), style="dim"))
    for words in (answer.why, answer.limit, *answer.target):
        if words:
            console.print(Text(clean(words)))
    console.print(Text(clean(f"{lead_words(answer)}."), style="bold green"))
