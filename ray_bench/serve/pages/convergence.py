"""The page: convergence. Quality against samples, time and money, and whether models are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from ray_bench.errors import RayBenchError
from ray_bench.serve.kept import result_within
from ray_bench.serve.pages.sweep import Asked, Known, about
from ray_bench.serve.render import page
from ray_bench.serve.service import Given

if TYPE_CHECKING:
    from ray_bench.report.model import Report
    from ray_bench.report.screen import Fold

router = APIRouter(include_in_schema=False)

_PATIENCE_S = 0.4
#: Folds of a report that are about learning, in the order in which they are read.
TOPICS = ("parity", "target", "accuracy", "rates", "noise")
_SHUT = ("rates", "noise")  # long, and seldom asked for


@router.get("/sweeps/{sweep_id}/convergence")
def convergence_page(request: Request, summary: Known, wish: Asked, service: Given) -> Response:
    """Show how the runs of a sweep learn, by rule and world size."""
    from ray_bench.report.html import parts

    values = {**about(summary), "part": "convergence", "wish": wish, "lead": "", "why": ""}
    try:
        made = result_within(service.studies.report(summary.sweep_id, wish), _PATIENCE_S)
    except RayBenchError as err:
        return page(request, "convergence.html.j2", body=None, error=str(err), **values)
    if made is None:
        return page(request, "convergence.html.j2", body=None, error=None, **values)
    folds = topics_of(made.report)
    values["lead"], values["why"] = _lead(made.report, folds)
    body = parts.topics(made.report, folds, made.address, panel="accuracy", shut=_SHUT)
    return page(request, "convergence.html.j2", body=body, error=None, **values)


def topics_of(report: Report) -> list[Fold]:
    """Return the folds of a report that are about learning."""
    found = {x.key: x for x in report.folds}
    return [found[key] for key in TOPICS if key in found]


def _lead(report: Report, folds: list[Fold]) -> tuple[str, str]:
    """Return the finding in a line, and what goes with it."""
    panel = next((x for s in report.screens for x in s.panels if x.key == "accuracy"), None)
    says = {x.key: x.says for x in folds}
    if "parity" in says:
        return says["parity"], says.get("target", "")
    if panel is not None:
        return panel.title, panel.says
    return "Nothing is known of how it learns", "No run of this sweep has an accuracy or a loss."
