"""Reports as files: a folder a sweep, and Markdown with its pictures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import Report
from ray_bench.report.picture import Picture
from ray_bench.store import ResultsStore
from ray_bench.store.location import safe_name


def report_folder(sweep_id: str) -> str:
    """Return where the reports of a sweep are, seen from the results."""
    return f"reports/{safe_name(sweep_id)}"


def pictures_of(report: Report) -> tuple[Picture, ...]:
    """Return every picture of a report once: those of its screens, its folds, and all others."""
    screens = [y for x in report.screens for y in (x.curve, *(z.picture for z in x.panels)) if y]
    folds = [y for x in report.folds for y in x.pictures]
    return tuple({x.key: x for x in (*screens, *folds, *report.pictures)}.values())


def drawn(report: Report, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the pictures of a report as SVG, by key.

    Args:
        report: What to say.
        before: Pictures of an earlier report, such as `drawn_before` finds; those that are the same
            are not drawn again.
    """
    from ray_bench.report import charts

    known = before or {}
    return {x.key: charts.svg(x, before=known.get(x.key)) for x in pictures_of(report)}


def drawn_before(report: Report, store: ResultsStore, name: str) -> dict[str, str]:
    """Return what lies in a folder of pictures beside `name`, by key of the report's pictures."""
    found = {x.key: store.read_text(_beside(name, x.key)) for x in pictures_of(report)}
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
    found = drawn(report) if svgs is None else svgs
    # The report comes last: it never names a file that is not there.
    for key, svg in found.items():
        store.write_text(_beside(name, key), svg)
    images = {key: _image(name, key) for key in found}
    return store.write_text(name, markdown_report(report, images))


def copied_markdown(report: Report, folder: str, name: str) -> str:
    """Return a report as Markdown whose pictures lie beside another file of it.

    Args:
        report: What to say.
        folder: Of that other file, seen from this one.
        name: Of that other file, e.g. `report.md`.
    """
    images = {x.key: f"{folder}/{_image(name, x.key)}" for x in pictures_of(report)}
    return markdown_report(report, images)


def _beside(name: str, key: str) -> str:
    """Return the file of a picture, seen from the results."""
    return str(PurePosixPath(name).parent / _image(name, key))


def _image(name: str, key: str) -> str:
    """Return the same, seen from the report."""
    return f"{PurePosixPath(name).stem}_files/{key}.svg"
