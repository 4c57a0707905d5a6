"""Drawings as files: an SVG with its title that needs nothing else, and a PNG of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from ray_bench.report.drawing.marks import FULL, XY, Dot, Frame, Word
from ray_bench.report.drawing.shapes import dot_of, path_of
from ray_bench.report.drawing.tokens import COLOURS, Theme

_PAD, _TITLE, _GAP = 16.0, 30.0, 16.0
_LETTER = 0.54  # of the size of the type, on average
_TITLE_PX = 15.0


def svg(
    frames: Sequence[Frame], *, title: str, alt: str, theme: Theme, width: float, font: str
) -> str:
    """Return frames below each other as an SVG document.

    Args:
        frames: Of one drawing.
        title: Drawn above it.
        alt: What the drawing says.
        theme: Its colours.
        width: Of the document in pixels.
        font: Families of type, as in CSS.
    """
    colours = COLOURS[theme]
    lines = _wrapped(title, int((width - 2 * _PAD) / (_TITLE_PX * _LETTER)))
    top = _PAD + _TITLE * 0.6 + (len(lines) - 1) * 19 + 12
    parts = [_title(lines, colours["ink"])]
    for frame in frames:
        parts.extend(_frame(frame, top + frame.top, width, colours))
        top += frame.top + frame.height + frame.bottom + _GAP
    height = top - _GAP + _PAD
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="{escape(font)}" font-size="12" '
        f'role="img" aria-label="{escape(alt)}"><rect width="100%" height="100%" '
        f'fill="{colours["bg"]}"/>{"".join(parts)}</svg>'
    )


def png(document: str, scale: float) -> bytes:
    """Return a document as PNG, so many pixels a point."""
    import vl_convert

    return bytes(vl_convert.svg_to_png(document, scale=scale))


def _title(lines: Sequence[str], colour: str) -> str:
    return "".join(
        f'<text x="{_PAD:g}" y="{_PAD + 12 + 19 * i:g}" font-size="{_TITLE_PX:g}" '
        f'font-weight="600" fill="{colour}">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )


def _wrapped(words: str, limit: int) -> list[str]:
    return textwrap.wrap(words, limit) or [""]


def _frame(frame: Frame, top: float, width: float, colours: Mapping[str, str]) -> Iterator[str]:
    left = _PAD + frame.left
    inner = width - 2 * _PAD - frame.left - frame.right

    def place(at: XY) -> XY:
        return left + at[0] / FULL * inner, top + at[1] / FULL * frame.height

    def paint(name: str) -> str:
        return colours[name]

    for mark in frame.marks:
        if isinstance(mark, Dot):
            x, y = place((mark.x, mark.y))
            title = f"<title>{escape(mark.says)}</title>" if mark.says else ""
            moved = f"translate({x + mark.dx:.2f} {y:.2f})"
            yield f'<g transform="{moved}">{title}{dot_of(mark, paint)}</g>'
        else:
            yield path_of(mark, place, paint)
    for word in frame.words:
        yield _word(word, place((word.x, word.y)), colours)


def _word(word: Word, at: XY, colours: Mapping[str, str]) -> str:
    halo = (
        f' stroke="{colours["bg"]}" stroke-width="3" paint-order="stroke" stroke-linejoin="round"'
        if word.has_halo
        else ""
    )
    weight = ' font-weight="600"' if word.is_bold else ""
    return (
        f'<text x="{at[0] + word.dx:.2f}" y="{at[1] + word.dy + 4:.2f}" '
        f'text-anchor="{word.anchor}" fill="{colours[word.colour]}"{weight}{halo}>'
        f"{escape(word.text)}</text>"
    )
