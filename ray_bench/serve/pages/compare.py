"""The page: compare. Its address is all of its state, so that a link shares it."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request, Response

from ray_bench.errors import ConfigError, RayBenchError
from ray_bench.serve.kept import result_within
from ray_bench.serve.render import page
from ray_bench.serve.service import Given, Service
from ray_bench.serve.studies import Analysed
from ray_bench.store.summary import SweepSummary

router = APIRouter(include_in_schema=False)

_PATIENCE_S = 0.5
_MOST_LISTED = 200
MOST_SWEEPS = 6

Id = Annotated[str, Query(max_length=200)]
Ids = Annotated[list[str], Query(max_length=MOST_SWEEPS - 1)]


@router.get("/compare")
def compare_page(
    request: Request,
    service: Given,
    a: Id = "",
    b: Ids = [],  # noqa: B006 (FastAPI copies it)
    allow: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006
    tolerance: Annotated[float, Query(ge=0, lt=1)] = 0.02,
) -> Response:
    """Compare sweeps with the first one."""
    from ray_bench.report.drawing.rows import typeset
    from ray_bench.serve.compared import compared

    others = [x for x in dict.fromkeys(b) if x]
    if not a or not others:
        listed = service.index.summaries()[:_MOST_LISTED]
        return page(request, "compare_choose.html.j2", sweeps=listed, a=a)
    known = [known_of(service, x) for x in (a, *others)]
    found = analysed_all(service, [x.sweep_id for x in known], _PATIENCE_S)
    if found is None:
        return page(request, "predict_wait.html.j2", sweep_id=", ".join(x.sweep_id for x in known))
    links = _Links(a, others, allow, tolerance)
    values: dict[str, Any] = {"links": links, "tolerance": tolerance, "error": None, "found": None}
    values["listed"] = service.index.summaries()[:_MOST_LISTED]
    try:
        values["found"] = compared(
            found,
            [_name(x) for x in known],
            tolerance_frac=tolerance,
            allow=allow,
            root=service.store.root,
        )
    except RayBenchError as err:
        values["error"] = str(err)
    return page(request, "compare.html.j2", typeset=typeset, **values)


def analysed_all(service: Service, ids: list[str], seconds: float) -> list[Analysed] | None:
    """Return sweeps analysed, None while one is not.

    Raises:
        ConfigError: They are more than can be compared.
    """
    if len(ids) > MOST_SWEEPS:
        raise ConfigError(f"{len(ids)} sweeps are too many to compare: take {MOST_SWEEPS} at most.")
    begun: list[Future[Analysed]] = [service.studies.analysed(x) for x in ids]
    found = [result_within(x, seconds) for x in begun]
    return None if None in found else [x for x in found if x is not None]


class _Links:
    """Addresses of the same comparison with something changed."""

    def __init__(self, a: str, b: list[str], allow: list[str], tolerance: float) -> None:
        self.a, self.b, self.allow, self.tolerance = a, b, allow, tolerance

    def without(self, sweep_id: str) -> str:
        """Return the comparison without a sweep."""
        return self._address(self.a, [x for x in self.b if x != sweep_id], self.allow)

    def based_on(self, sweep_id: str) -> str:
        """Return the comparison with another sweep as the base."""
        rest = [x for x in (self.a, *self.b) if x != sweep_id]
        return self._address(sweep_id, rest, self.allow)

    def allowing(self, kinds: tuple[str, ...]) -> str:
        """Return the comparison where these differences are allowed, too."""
        return self._address(self.a, self.b, list(dict.fromkeys([*self.allow, *kinds])))

    def _address(self, a: str, b: list[str], allow: list[str]) -> str:
        fields = [("a", a), *(("b", x) for x in b), *(("allow", x) for x in allow)]
        fields += [("tolerance", f"{self.tolerance:g}")] * (self.tolerance != 0.02)
        return f"/compare?{urlencode(fields)}"


def known_of(service: Service, sweep_id: str) -> SweepSummary:
    """Return what is known of a sweep at a glance; answer 404 where there is none."""
    found = service.index.row(sweep_id)
    if found is None:
        raise HTTPException(
            404, f"There is no sweep {sweep_id[:80]!r}. See the list of all sweeps."
        )
    return found


def _name(summary: SweepSummary) -> str:
    return summary.labels.name or summary.workload or summary.sweep_id
