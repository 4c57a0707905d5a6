"""The report as HTML: one file with its style, script and charts, which asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, get_args

from ray_bench import __version__
from ray_bench.report import charts
from ray_bench.report.cells import Section, Table
from ray_bench.report.files import drawn as drawn_svgs
from ray_bench.report.format import clean, clean_line, show
from ray_bench.report.html.bundle import vega_bundle
from ray_bench.report.html.drawings import Drawing, drawings, without_largest
from ray_bench.report.model import Report
from ray_bench.report.overview import Overview

if TYPE_CHECKING:
    from jinja2 import Environment

#: A page is sent by mail. Above this the largest images are left out; only readers without script,
#: and paper, miss them, and have the charts' words and numbers instead.
LIMIT_BYTES = 2_000_000
#: Rows of a table that are drawn; the JSON report has all of them.
MAX_ROWS = 1000

_LEAD = re.compile(r"(?s)((?:Group \d+: )?[^:(]*)(.*)")
#: What could end a script element, or a line of JavaScript, inside JSON.
_LIVE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def html_report(report: Report, svgs: Mapping[str, str] | None = None) -> str:
    """Return the whole report as one HTML page.

    Args:
        report: What to say.
        svgs: Its pictures as SVG by key, where they have been drawn already.
    """
    if svgs is None:
        svgs = drawn_svgs(report)
    drawn = drawings(report.pictures, svgs)
    page = _page(report, drawn)
    excess = len(page.encode()) - LIMIT_BYTES
    return page if excess <= 0 else _page(report, without_largest(drawn, excess))


def _page(report: Report, drawn: Sequence[Drawing]) -> str:
    script = _asset("page.js")
    bundle = vega_bundle() if drawn else ""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            overviews=report.overviews or (Overview(sentence=report.answer),),
            pictures=drawn,
            pictures_of=_by_section(report, drawn),
            policy=_policy([bundle, script] if drawn else [script]),
            style=_asset("page.css"),
            script=script,
            bundle=bundle,
            specs=json_in_html(_charts(drawn)),
            version=__version__,
            show=show,
            kinds_of=_kinds,
            lead=lead,
            code_line=clean_line,
            max_rows=MAX_ROWS,
        )
    )


def _charts(drawn: Sequence[Drawing]) -> dict[str, Any]:
    themes = {name: charts.theme(name) for name in get_args(charts.Theme)}
    return {"specs": {x.key: x.spec for x in drawn}, "themes": themes}


def lead(sentence: str) -> tuple[str, str]:
    """Return what of the answer is set in bold, `Use 4 workers`, and what follows."""
    match = _LEAD.fullmatch(sentence)
    return (match[1], match[2]) if match and match[1] else (sentence, "")


def json_in_html(values: Any) -> str:
    """Return JSON in which nothing can end the script element that holds it."""
    return json.dumps(values, allow_nan=False, ensure_ascii=False).translate(_LIVE)


def _by_section(report: Report, drawn: Sequence[Drawing]) -> Callable[[Section], Sequence[Drawing]]:
    """Return the function from a section to its pictures.

    Raises:
        ValueError: A picture belongs to a section that the report does not have.
    """
    known = {section.key for section in report.sections}
    lost = [x.key for x in drawn if x.section not in known]
    if lost:
        raise ValueError(f"pictures without a section: {', '.join(lost)}")
    return lambda section: [x for x in drawn if x.section == section.key]


def _kinds(table: Table) -> list[str]:
    """Return the class of every column."""
    return ["text" if table.is_text(i) else "number" for i in range(len(table.columns))]


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("ray_bench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
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
