"""The report's parts within another page: its first screen, its folds, its style.

What is returned is HTML in which every value is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

from ray_bench.report.drawing.tokens import Theme
from ray_bench.report.html.figures import linked
from ray_bench.report.html.page import body_values, environment, pictures_below
from ray_bench.report.model import Report
from ray_bench.report.screen import Fold

#: Address of a chart's SVG, by its key and colours.
Address = Callable[[str, Theme], str]

#: A page has its own rules for drawings; those of the report say it by attributes instead.
_OURS = """
.report .plot > svg * { fill: revert-layer; }
.report .meteo .stage { padding-left: 0; }
.report table.data { width: auto; }
"""


@cache
def style(scope: str = ".report") -> str:
    """Return the report's style for what lies within `scope`; the page's own rules stand back.

    Rules for the whole page (`:root`, `body`) say nothing there, as none of it is within.
    """
    sheet = (files("ray_bench.report.html") / "assets" / "page.css").read_text(encoding="utf-8")
    return f"{scope} {{\n{sheet}\n}}\n{_OURS.replace('.report', scope)}"


def body(report: Report, address: Address | None = None, new_address: str = "") -> str:
    """Return the report below its heading; charts are images that are asked for when seen.

    Args:
        report: What to say.
        address: Of a chart; None where the report has none.
        new_address: Of a page where the next step can be begun, with a query; empty: there is none.
    """
    name = "screens.html.j2" if report.screens else "plain.html.j2"
    return _rendered(name, report, address, new_address=new_address)


def topics(
    report: Report,
    folds: Sequence[Fold],
    address: Address,
    *,
    panel: str = "",
    shut: Sequence[str] = (),
) -> str:
    """Return some folds of a report, open.

    Args:
        report: What to say.
        folds: Which of its folds.
        address: Of a chart.
        panel: Key of panels of its first screens that stand before them.
        shut: Keys of folds that stay folded, below the others.
    """
    return _rendered("topics.html.j2", report, address, folds=folds, panel=panel, shut=shut)


def screen(report: Report) -> str:
    """Return the first screen alone."""
    return _rendered("screen.html.j2", report, None)


def _rendered(name: str, report: Report, address: Address | None, **values: object) -> str:
    found = [] if address is None else linked(pictures_below(report), address)
    template = environment().get_template(name)
    return str(template.render(**{**body_values(report, found), **values}))
