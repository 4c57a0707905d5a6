"""The report as HTML: one file with its style, script and charts, which asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, get_args

from ray_bench import __version__
from ray_bench.report import charts
from ray_bench.report.cells import Table
from ray_bench.report.drawing import tokens
from ray_bench.report.drawing.rows import typeset
from ray_bench.report.files import drawn as drawn_svgs
from ray_bench.report.format import clean, clean_line, show
from ray_bench.report.html.bundle import vega_bundle
from ray_bench.report.html.figures import Figure, figures, without_largest
from ray_bench.report.html.first import BADGES, grid, panel_drawn, rows, spread
from ray_bench.report.model import Report
from ray_bench.report.picture import Picture
from ray_bench.report.screen import Fold

if TYPE_CHECKING:
    from jinja2 import Environment

#: A page is sent by mail. Above this the largest images are left out; only readers without script,
#: and paper, miss them, and have the charts' words and numbers instead.
LIMIT_BYTES = 2_000_000
#: Rows of a table that are drawn; the JSON report has all of them.
MAX_ROWS = 1000
#: Caveats that are seen before the others are asked for.
MAX_CAVEATS = 5
#: Letters of an answer that are set large, and of a note beside a row under the curve.
MAX_LARGE, MAX_NOTE = 90, 20

#: What could end a script element, or a line of JavaScript, inside JSON.
_LIVE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def html_report(report: Report, svgs: Mapping[str, str] | None = None) -> str:
    """Return the whole report as one HTML page: with a first screen and folds where it has them.

    Args:
        report: What to say.
        svgs: Its pictures as SVG by key, where they have been drawn already.

    Raises:
        ValueError: A picture belongs to a section that the report does not have.
    """
    if svgs is None:
        svgs = drawn_svgs(report)
    found = figures(pictures_below(report), svgs)
    page = _page(report, found)
    excess = len(page.encode()) - LIMIT_BYTES
    return page if excess <= 0 else _page(report, without_largest(found, excess))


def pictures_below(report: Report) -> tuple[Picture, ...]:
    """Return the pictures below the first screen, each once."""
    if not report.screens:
        known = {section.key for section in report.sections}
        lost = [x.key for x in report.pictures if x.section not in known]
        if lost:
            raise ValueError(f"pictures without a section: {', '.join(lost)}")
        return report.pictures
    folded = (picture for fold in report.folds for picture in fold.pictures)
    return tuple({picture.key: picture for picture in folded}.values())


def _page(report: Report, found: Sequence[Figure]) -> str:
    script = _asset("page.js")
    specs = {x.key: x.spec for x in found if x.spec is not None}
    bundle = vega_bundle() if specs else ""
    themes = {name: charts.theme(name) for name in get_args(tokens.Theme)}
    name = "report.html.j2" if report.screens else "sections.html.j2"
    return (
        environment()
        .get_template(name)
        .render(
            **body_values(report, found),
            title=_title(report),
            policy=_policy([bundle, script] if specs else [script]),
            colours=tokens.css(),
            style=_asset("page.css"),
            script=script,
            bundle=bundle,
            specs=json_in_html({"specs": specs, "themes": themes}) if specs else None,
            version=__version__,
        )
    )


def body_values(report: Report, found: Sequence[Figure]) -> dict[str, Any]:
    """Return what the templates of a report's parts need, those of another page included."""
    return {
        "report": report,
        "figures": {x.key: x for x in found},
        "badges": [BADGES[x.key] for x in report.flags if x.key in BADGES],
        "max_caveats": MAX_CAVEATS,
        "max_large": MAX_LARGE,
        "max_note": MAX_NOTE,
        "max_rows": MAX_ROWS,
        "show": show,
        "typeset": typeset,
        "spread": spread,
        "kinds_of": _kinds,
        "grid": grid,
        "rows_of": rows,
        "panel_drawn": panel_drawn,
        "holds": _holds,
        "code_line": clean_line,
        "new_address": "",  # of a page where the next step can be begun
    }


def _title(report: Report) -> str:
    if not report.screens:
        return report.title
    first = report.screens[0]
    return ": ".join([*first.context[:1], first.answer.lead])


def _holds(fold: Fold) -> str:
    """Return what kinds of things a fold has: `chart, table`."""
    tables = any(x.drawn.rows for section in fold.sections for x in section.tables)
    kinds = {
        "chart": bool(fold.pictures),
        "table": tables or fold.numbers is not None,
        "text": any(x.code is not None for x in fold.sections),
    }
    return ", ".join(name for name, is_there in kinds.items() if is_there)


def json_in_html(values: Any) -> str:
    """Return JSON in which nothing can end the script element that holds it."""
    return json.dumps(values, allow_nan=False, ensure_ascii=False).translate(_LIVE)


def _kinds(table: Table) -> list[str]:
    """Return the class of every column."""
    return ["text" if table.is_text(i) else "number" for i in range(len(table.columns))]


@cache
def environment() -> Environment:
    """Return the templates of a report and of its parts."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("ray_bench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: Any) -> Any:
    """Take control characters out of every text that a template writes."""
    return clean(value) if type(value) is str else value  # Markup, a subclass, is ours


def _asset(name: str) -> str:
    return (files("ray_bench.report.html") / "assets" / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    """Return the content security policy: these scripts, own styles and pictures, no network."""
    hashes = " ".join(f"'sha256-{_sha256(x)}'" for x in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _sha256(words: str) -> str:
    return base64.b64encode(hashlib.sha256(words.encode()).digest()).decode()
