"""Drawings in a page: geometry in a stretched SVG, words in HTML on top, which keep their size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from ray_bench.report.drawing.marks import FULL, Dot, Frame, Word
from ray_bench.report.drawing.shapes import dot_of, path_of
from ray_bench.report.format import clean

_SHIFT = {"start": "w", "middle": "", "end": "e"}
_KEPT = ' vector-effect="non-scaling-stroke"'


def html(frames: Sequence[Frame]) -> str:
    """Return frames as HTML; its style is that of the page, which says it in words, too."""
    return "".join(_frame(frame) for frame in frames)


def _frame(frame: Frame) -> str:
    size = (
        f"--h:{frame.height:g}px;--l:{frame.left:g}px;--r:{frame.right:g}px;"
        f"--b:{frame.bottom:g}px;--t:{frame.top:g}px"
    )
    if frame.right_narrow is not None:
        size += f";--rp:{frame.right_narrow:g}px"
    lines = (x for x in frame.marks if not isinstance(x, Dot))
    dots = [x for x in frame.marks if isinstance(x, Dot)]
    paths = "".join(path_of(x, lambda at: at, _paint, _KEPT) for x in lines)
    return (
        f'<div class="plot" style="{size}"><svg viewBox="0 0 1000 1000" preserveAspectRatio="none" '
        f'aria-hidden="true">{paths}</svg><svg aria-hidden="true">{"".join(_dots(dots))}</svg>'
        f"{''.join(_word(x) for x in frame.words)}</div>"
    )


def _paint(name: str) -> str:
    return f"var(--{name})"


def _dots(dots: Sequence[Dot]) -> Iterator[str]:
    """Yield dots at shares of the width and height: their own shape is not stretched."""
    for dot in dots:
        title = f"<title>{escape(clean(dot.says))}</title>" if dot.says else ""
        place = f'x="{_share(dot.x)}" y="{_share(dot.y)}"'
        drawn = dot_of(dot, _paint)
        if dot.dx:
            drawn = f'<g transform="translate({dot.dx:g} 0)">{drawn}</g>'
        yield f'<svg {place} overflow="visible">{title}{drawn}</svg>'


def _word(word: Word) -> str:
    names = ["t", _SHIFT[word.anchor], "b" if word.is_bold else "", "halo" * word.has_halo]
    names.append("extra" * word.is_extra)
    style = f"left:{_share(word.x)};top:{_share(word.y)};color:{_paint(word.colour)}"
    if word.dx or word.dy:
        style += f";margin:{word.dy:g}px 0 0 {word.dx:g}px"
    kind = " ".join(x for x in names if x)
    return f'<span class="{kind}" style="{style}">{escape(clean(word.text))}</span>'


def _share(place: float) -> str:
    return f"{place / FULL * 100:.2f}".rstrip("0").rstrip(".") + "%"
