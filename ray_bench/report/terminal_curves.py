"""Several curves on a terminal: a bar for every world size, measured or predicted."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from ray_bench.report.cells import Cell
from ray_bench.report.format import clean, show
from ray_bench.report.picture import Picture

_LONGEST = 50
_GAP = "  "


def print_curves(picture: Picture, console: Console) -> None:
    """Print the speedups of the curves of a picture; nothing if it is about something else."""
    if picture.chart != "curves":
        return
    solid, hollow = ("#", "o") if console.options.ascii_only else ("█", "░")
    rows = [(clean(str(row["curve"])), row) for row in picture.rows]
    labels = [show(Cell(row["speedup"], "x")).value for _, row in rows]
    sizes = [f"{row['world_size']}" for _, row in rows]
    widths = [max(map(len, x)) for x in (sizes, labels)]
    longest = max(float(row["speedup"] or 0) for _, row in rows)
    room = max(1, min(_LONGEST, console.width - sum(widths) - 3 * len(_GAP)))
    console.print()
    console.print(Text(clean(picture.title), style="bold"))
    before = ""
    for (curve, row), label, size in zip(rows, labels, sizes, strict=True):
        if curve != before:
            console.print(Text(curve, style="bold"))
        before = curve
        is_predicted = row["kind"] == "predicted"
        length = round(float(row["speedup"] or 0) / longest * room)
        line = Text(_GAP + size.rjust(widths[0]) + _GAP, no_wrap=True)
        line.append(label.ljust(widths[1]) + _GAP)
        line.append((hollow if is_predicted else solid) * length, "dim" if is_predicted else "cyan")
        console.print(line)
    console.print(Text(f"Workers, speedup. {solid} measured, {hollow} predicted.", style="italic"))
