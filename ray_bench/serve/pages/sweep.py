"""The page of a sweep: its report, runs, failures, charts and files to download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from ray_bench.errors import RayBenchError
from ray_bench.serve.kept import result_or_later, result_within
from ray_bench.serve.render import page
from ray_bench.serve.service import Given, Service
from ray_bench.serve.wish import AIMS, Wish, wish_of
from ray_bench.store.summary import SweepSummary

if TYPE_CHECKING:
    from ray_bench.report.model import Report

router = APIRouter(include_in_schema=False)

#: A report that takes no longer is shown at once.
_PATIENCE_S = 0.4
_LONG_S = 120.0
_TYPES = {
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
}

Asked = Annotated[Wish, Depends(wish_of)]


def known_sweep(sweep_id: str, service: Given) -> SweepSummary:
    """Return what is known of a sweep at a glance; answer 404 where there is none."""
    found = service.index.row(sweep_id)
    if found is None:
        raise HTTPException(404, "There is no such sweep. See the list of all sweeps.")
    return found


Known = Annotated[SweepSummary, Depends(known_sweep)]


@router.get("/report.css")
def report_css() -> Response:
    """Return the report's style, for what lies within `.report`."""
    from ray_bench.report.html import parts

    kept = {"Cache-Control": "max-age=3600"}
    return Response(parts.style(), media_type="text/css", headers=kept)


@router.get("/sweeps/{sweep_id}")
def sweep_page(request: Request, summary: Known, wish: Asked, service: Given) -> Response:
    """Show a sweep's report, or what is known of it until it is made."""
    return page(
        request,
        "sweep.html.j2",
        part="report",
        aims=AIMS,
        wish=wish,
        is_open=bool(wish.query),
        job=service.board.job_of_sweep(summary.sweep_id),
        **about(summary),
        **_report_values(service, summary, wish),
    )


@router.get("/sweeps/{sweep_id}/report")
def report_part(request: Request, summary: Known, wish: Asked, service: Given) -> Response:
    """Return the report as a part of the page, which asks for it until it is made."""
    if "HX-Request" not in request.headers:
        return RedirectResponse(f"{about(summary)['base']}{wish.query}", 303)
    values = {**about(summary), **_report_values(service, summary, wish), "wish": wish}
    return page(request, "sweep_report.html.j2", **values)


@router.get("/sweeps/{sweep_id}/report.{form}")
def download(
    form: Literal["html", "md", "json", "csv"],
    summary: Known,
    wish: Asked,
    service: Given,
) -> Response:
    """Return the report as a file."""
    from ray_bench.store.location import safe_name

    report = result_or_later(service.studies.report(summary.sweep_id, wish), _LONG_S).report
    name = f"{safe_name(summary.sweep_id)}.{form}"
    return Response(
        written(report, form).encode(),
        media_type=_TYPES[form],
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"},
    )


@router.get("/sweeps/{sweep_id}/charts/{name}.svg")
def chart(
    name: str,
    summary: Known,
    wish: Asked,
    service: Given,
    theme: Literal["light", "dark"] = "light",
) -> Response:
    """Return a chart of the report."""
    begun = service.studies.chart(summary.sweep_id, wish, name, theme)
    drawn = result_or_later(begun, _LONG_S)
    if drawn is None:
        raise HTTPException(404, "The report has no such chart.")
    # Not kept by the browser: the same address shows other runs when there are more.
    return Response(drawn.encode(), media_type="image/svg+xml")


@router.get("/sweeps/{sweep_id}/runs")
def runs(request: Request, summary: Known, service: Given) -> Response:
    """List every attempt of every run."""
    from ray_bench.serve.attempts import attempt_rows

    rows = attempt_rows(service.studies.attempts(summary.sweep_id))
    num_missing = summary.num_planned - summary.num_done - summary.num_ended - summary.num_failed
    values = {"rows": rows, "num_missing": num_missing, **about(summary)}
    return page(request, "runs.html.j2", part="runs", **values)


@router.get("/sweeps/{sweep_id}/failures")
def failures(request: Request, summary: Known, service: Given) -> Response:
    """Show what failed, with cause and traceback."""
    from ray_bench.report.failures import failures_report
    from ray_bench.report.html import parts

    store, sweep_id = service.store, summary.sweep_id
    found = failures_report(
        store.read(sweep_id), store.attempts(sweep_id), store.failures(sweep_id)
    )
    body = parts.body(found)
    return page(request, "failures.html.j2", part="failures", body=body, **about(summary))


def written(report: Report, form: str) -> str:
    """Return a report as text in one of the forms of `ray-bench report`."""
    from ray_bench.report.csv_report import csv_report
    from ray_bench.report.html.page import html_report
    from ray_bench.report.json_report import json_report
    from ray_bench.report.markdown import markdown_report

    forms = {
        "html": html_report,
        "md": markdown_report,
        "json": json_report,
        "csv": csv_report,
    }
    return forms[form](report)


def about(summary: SweepSummary) -> dict[str, Any]:
    """Return what the head of a sweep's pages shows."""
    return {
        "sweep": summary,
        "base": f"/sweeps/{quote(summary.sweep_id, safe='')}",
        "name": summary.labels.name or summary.workload or summary.sweep_id,
    }


def _report_values(service: Service, summary: SweepSummary, wish: Wish) -> dict[str, Any]:
    """Return the report, None until it is made, or why there is none."""
    from ray_bench.report.html.first import BADGES

    begun = service.studies.report(summary.sweep_id, wish)
    try:
        made = result_within(begun, _PATIENCE_S)
    except RayBenchError as err:
        return {"made": None, "error": str(err), "badges": (), "context": ()}
    if made is None:
        return {"made": None, "error": None, "badges": (), "context": ()}
    return {
        "made": made,
        "error": None,
        "badges": [BADGES[x.key] for x in made.report.flags if x.key in BADGES],
        "context": made.report.screens[0].context,
    }
