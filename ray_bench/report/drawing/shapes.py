"""Marks as elements of SVG: the same for the stretched drawing of a page and for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ray_bench.report.drawing.marks import XY, Area, Dot, Line

#: From a name of `tokens` to what is written: a colour, or a property of the page.
Paint = Callable[[str], str]


def path_of(mark: Line | Area, place: Callable[[XY], XY], paint: Paint, extra: str = "") -> str:
    """Return a line or an area as a path.

    Args:
        mark: In the frame of `marks`.
        place: From the frame to the drawing's coordinates.
        paint: Of colours.
        extra: More attributes.
    """
    points = [place(x) for x in mark.points]
    d = "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points)
    if isinstance(mark, Area):
        fill = f'fill="{paint(mark.colour)}" fill-opacity="{mark.opacity}"'
        return f'<path d="{d}Z" {fill}{extra}/>'
    ends = ' stroke-linecap="round" stroke-linejoin="round"' if mark.is_round else ""
    dash = f' stroke-dasharray="{mark.dash}"' if mark.dash else ""
    look = f'stroke="{paint(mark.colour)}" stroke-width="{_short(mark.width)}"{ends}{dash}'
    return f'<path d="{d}" fill="none" {look}{extra}/>'


def dot_of(dot: Dot, paint: Paint) -> str:
    """Return a dot around the origin."""
    return "".join(_dot(dot, paint))


def _dot(dot: Dot, paint: Paint) -> Iterator[str]:
    colour = paint(dot.colour)
    if dot.has_ring:
        yield f'<circle r="{_short(dot.radius + 4)}" fill="{colour}" fill-opacity="0.22"/>'
    if dot.shape == "cross":
        r = _short(dot.radius)
        yield (
            f'<path d="M-{r} -{r}L{r} {r}M-{r} {r}L{r} -{r}" fill="none" stroke="{colour}" '
            'stroke-width="2"/>'
        )
        return
    radius = dot.radius - 1 if dot.is_hollow else dot.radius
    fill = f'fill="{paint("bg")}" stroke="{colour}" stroke-width="2"'
    look = fill if dot.is_hollow else f'fill="{colour}"'
    if dot.shape == "circle":
        yield f'<circle r="{_short(radius)}" {look}/>'
    else:
        corners = "L".join(
            f"{_short(x * radius)} {_short(y * radius)}" for x, y in _CORNERS[dot.shape]
        )
        yield f'<path d="M{corners}Z" {look}/>'


#: Corners of shapes that look as large as a circle of radius 1.
_CORNERS: dict[str, Sequence[XY]] = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "diamond": ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
    "triangle": ((0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
}


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
