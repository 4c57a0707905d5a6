"""A Markdown report and its pictures as files beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import Report
from ray_bench.store import ResultsStore


def drawn(report: Report) -> dict[str, str]:
    """Return the pictures of a report as SVG, by key."""
    from ray_bench.report import charts

    return {picture.key: charts.svg(picture) for picture in report.pictures}


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
    folder = f"{PurePosixPath(name).stem}_files"
    images = {picture.key: f"{folder}/{picture.key}.svg" for picture in report.pictures}
    # The report comes last: it never names a file that is not there.
    for key, svg in (drawn(report) if svgs is None else svgs).items():
        store.write_text(images[key], svg)
    return store.write_text(name, markdown_report(report, images))
