"""The first screen as Markdown: answer, curve, numbers, next step, caveats, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ray_bench.report.cells import Cell
from ray_bench.report.format import show
from ray_bench.report.markdown_text import code_block, escape, image, paragraph, row
from ray_bench.report.screen import Answer, NextStep, Numbers, Quantity, Screen, Size
from ray_bench.report.screens.spoken import lead_words, next_words


def screen_lines(screen: Screen, images: Mapping[str, str]) -> Iterator[str]:
    """Yield the first screen of a curve.

    Args:
        screen: The curve's.
        images: Files of the pictures by key.
    """
    if screen.name is not None:
        yield from (f"## {escape(screen.name)}", "")
    yield from (escape(" · ".join(screen.context)), "")
    yield from _answer(screen.answer)
    yield from (f"## {escape(screen.curve_title)}", "")
    if screen.curve is not None and screen.curve.key in images:
        yield from image(screen.curve, images[screen.curve.key])
    if screen.numbers.first:
        yield from numbers_table(screen.numbers, screen.numbers.first)
    if screen.answer.next is not None:
        yield from _next(screen.answer.next)
    yield from _caveats(screen.answer)
    for panel in screen.panels:
        yield from (f"## {escape(panel.title)}", "", f"*{escape(panel.ask)}*", "")
        if panel.picture.key in images:
            yield from image(panel.picture, images[panel.picture.key])
        if panel.says:
            yield from (paragraph(panel.says), "")


def numbers_table(
    numbers: Numbers, quantities: Sequence[Quantity], *, with_topics: bool = False
) -> Iterator[str]:
    """Yield quantities crossed with world sizes, and what holds for all of them."""
    yield row(["Workers", *(_head(size) for size in numbers.sizes)])
    yield row([":--", *("--:" for _ in numbers.sizes)])
    topic = ""
    for quantity in quantities:
        if with_topics and quantity.topic != topic:
            topic = quantity.topic
            yield row([f"**{escape(topic)}**", *("" for _ in numbers.sizes)])
        title = ", ".join(escape(x) for x in (quantity.title, quantity.note) if x)
        pairs = zip(quantity.cells, numbers.sizes, strict=True)
        yield row([title, *(_cell(cell, size) for cell, size in pairs)])
    yield ""
    if numbers.foot:
        yield from (paragraph(numbers.foot), "")


def _head(size: Size) -> str:
    if not size.is_claimed:
        return f"{size.world_size}, no claim"
    if size.is_chosen:
        return f"**{size.world_size}, chosen**"
    return f"{size.world_size}" if size.is_measured else f"*{size.world_size}, forecast*"


def _cell(cell: Cell, size: Size) -> str:
    """Return a value; a forecast is set in another type, and so is the choice."""
    mark = "**" if size.is_chosen else "" if size.is_measured else "*"
    shown = show(cell)
    interval = f" ({shown.interval})" if shown.interval else ""
    return f"{mark}{escape(shown.value)}{mark}{interval}"


def _answer(answer: Answer) -> Iterator[str]:
    yield f"> **{escape(lead_words(answer))}**"
    for words in (*answer.target, answer.why, answer.limit):
        if words:
            yield from (">", f"> {paragraph(words)}")
    yield ""


def _next(step: NextStep) -> Iterator[str]:
    yield from (f"**{escape(next_words(step))}**", "")
    if step.command is not None:
        yield from code_block(step.command, "sh")


def _caveats(answer: Answer) -> Iterator[str]:
    if not answer.caveats:
        return
    yield from ("**Before you believe it**", "")
    for caveat in answer.caveats:
        yield f"- **{escape(caveat.head)}** {escape(caveat.text)}".rstrip()
    yield ""
