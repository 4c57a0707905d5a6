"""A Markdown report and its pictures as files beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import Report
from ray_bench.store import ResultsStore


def drawn(report: Report, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the pictures of a report as SVG, by key.

    Args:
        report: What to say.
        before: Pictures of an earlier report, such as `drawn_before` finds; those that are the same
            are not drawn again.
    """
    from ray_bench.report import charts

    known = before or {}
    return {x.key: charts.svg(x, before=known.get(x.key)) for x in report.pictures}


def drawn_before(report: Report, store: ResultsStore, name: str) -> dict[str, str]:
    """Return what lies in a folder of pictures beside `name`, by key of the report's pictures."""
    found = {x.key: store.read_text(_image(name, x.key)) for x in report.pictures}
    return {key: text for key, text in found.items() if text is not None}


def write_markdown(
    report: Report, store: ResultsStore, name: str, svgs: Mapping[str, str] | None = None
) -> str:
    """Write a report, and its pictures as SVG into a folder beside it; returns the report's path.

    Args:
        report: What to say.
        store: Where to; a folder or an object store.
        name: Of the file, e.g. `report.md`, whose pictures go to `report_files/`.
        svgs: Its pictures by key, where they have been drawn already.
    """
    images = {picture.key: _image(name, picture.key) for picture in report.pictures}
    # The report comes last: it never names a file that is not there.
    for key, svg in (drawn(report) if svgs is None else svgs).items():
        store.write_text(images[key], svg)
    return store.write_text(name, markdown_report(report, images))


def _image(name: str, key: str) -> str:
    return f"{PurePosixPath(name).stem}_files/{key}.svg"
