"""What a coding agent may ask: the tools of `serve.mcp`, each a method with its help."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from starlette.requests import Request

from ray_bench.serve.board import Board, JobRequest
from ray_bench.serve.index import SweepIndex
from ray_bench.serve.kept import result_within
from ray_bench.serve.settings import ServeSettings
from ray_bench.serve.studies import Analysed, Studies
from ray_bench.serve.wish import wish_of
from ray_bench.store import ResultsStore

if TYPE_CHECKING:
    from ray_bench.report.model import Report

_PATIENCE_S = 120.0
_MOST_LISTED = 100


class Tools:
    """What an agent may ask; every method that is no helper is a tool, its docstring the help.

    Args:
        settings: Where the results are, and what may be asked.
        store: The results.
        index: All sweeps at a glance.
        studies: Analysed ones.
        board: Where sweeps are started; None: nowhere.
    """

    def __init__(
        self,
        settings: ServeSettings,
        store: ResultsStore,
        index: SweepIndex,
        studies: Studies,
        board: Board | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._index = index
        self._studies = studies
        self._board = board

    def list_sweeps(self, search: str = "", limit: int = 20) -> list[dict[str, Any]]:
        """List sweeps, newest first, with what each one's last report said.

        search: words that the id, name, workload, tags or answer must have.
        """
        found = []
        for x in self._index.summaries():
            answer = None if x.answer is None else x.answer.lead
            text = f"{x.sweep_id} {x.labels.name} {x.workload} {x.labels.tags} {answer}".lower()
            if all(word in text for word in search.lower().split()):
                found.append(
                    {
                        "sweep_id": x.sweep_id,
                        "name": x.labels.name,
                        "tags": list(x.labels.tags),
                        "workload": x.workload,
                        "created_at_utc": x.created_at_utc.isoformat(),
                        "state": x.state,
                        "world_sizes": list(x.world_sizes),
                        "runs": {
                            "planned": x.num_planned,
                            "done": x.num_done,
                            "failed": x.num_failed,
                            "diverged_or_stopped": x.num_ended,
                        },
                        "answer": answer,
                        "is_answer_current": x.is_answer_current,
                    }
                )
            if len(found) >= min(max(limit, 1), _MOST_LISTED):
                break
        return found

    def read_answer(
        self,
        sweep_id: str,
        aim: str = "balanced",
        price_per_worker_hour: float | None = None,
        max_workers: int | None = None,
        target: str | None = None,
    ) -> dict[str, Any]:
        """Return a sweep's answer: how many workers, how surely, caveats, numbers, what next.

        aim: balanced, fastest, cheapest, deadline=30min, budget=5USD or efficiency=0.8.
        max_workers: choose from forecast numbers of workers up to it, too.
        target: decide for the way to it, like accuracy>=90% or val_loss<=0.3.
        """
        from ray_bench.report.json_report import plain

        report = self._report(sweep_id, aim, price_per_worker_hour, max_workers, target)
        return {
            "sweep_id": report.sweep_id,
            "answer": report.answer,
            "curves": [
                {
                    "name": x.name,
                    "context": list(x.context),
                    "answer": plain(x.answer),
                    "finding": x.curve_title,
                    "numbers": plain(x.numbers),
                }
                for x in report.screens
            ],
            "folds": {x.key: f"{x.title}: {x.says}" for x in report.folds},
        }

    def read_fold(self, sweep_id: str, fold: str) -> dict[str, Any]:
        """Return one topic of a sweep's report with its tables; read_answer lists the folds."""
        from ray_bench.report.json_report import plain

        report = self._report(sweep_id)
        found = next((x for x in report.folds if x.key == fold), None)
        if found is None:
            keys = ", ".join(x.key for x in report.folds)
            raise ToolError(f"There is no fold {fold!r}; there are {keys}.")
        return {
            "key": found.key,
            "title": found.title,
            "says": found.says,
            "numbers": None if found.numbers is None else plain(found.numbers),
            "sections": [plain(x) for x in found.sections],
        }

    def compare_sweeps(
        self,
        base: str,
        new: str,
        allow: Sequence[
            Literal[
                "workload", "data", "batch", "precision", "hardware", "threads", "settings",
                "method", "oversubscribed",
            ]
        ] = (),
        tolerance: float = 0.02,
    ) -> dict[str, Any]:  # fmt: skip
        """Say what became better or worse between two sweeps, with verdicts.

        Sweeps that differ in more than versions are refused; allow names what may differ.
        """
        from ray_bench.serve.compared import documents

        sweeps = [self._analysed(base), self._analysed(new)]
        root = self._store.root
        (made,) = documents(sweeps, tolerance_frac=tolerance, allow=list(allow), root=root)
        return made

    def predict(
        self,
        sweep_id: str,
        link: str | None = None,
        latency: str | None = None,
        aim: str = "balanced",
        price_per_worker_hour: float | None = None,
        max_workers: int | None = None,
    ) -> dict[str, Any]:
        """Say how many workers to use with another link, price or aim, from a measured sweep.

        link: bus bandwidth like 25Gbps; without it the sweep's own link is kept.
        latency: of one message, like 20us; goes with link.
        """
        from ray_bench.report.json_report import plain
        from ray_bench.serve.forecasts import forecast

        most = "" if max_workers is None else str(max_workers)
        price = "" if price_per_worker_hour is None else str(price_per_worker_hour)
        made = forecast(
            self._analysed(sweep_id),
            wish_of(aim=aim, price=price, max_workers=most),
            link=link,
            latency=latency,
            root=self._store.root,
        )
        return {
            "answer": plain(made.screen.answer),
            "finding": made.screen.curve_title,
            "numbers": plain(made.screen.numbers),
            "command": made.command,
        }

    def plan_sweep(self, preset: str | None = None, settings: Sequence[str] = ()) -> dict[str, Any]:
        """Say what a sweep would take, in time and money, and what stops it; starts nothing.

        preset: as `ray-bench config` lists them. settings: like world_sizes=[1,2,4], repeats=3.
        """
        from ray_bench.serve.asking.plan import plan

        found = plan(JobRequest(source=preset, settings=tuple(settings)), self._settings)
        return {
            "can_start": found.is_taken,
            "refusals": [{"key": x.key, "text": x.text} for x in found.refusals],
            "command": found.command,
            "num_runs": len(found.runs),
            "time_s": {"low": found.low_s, "high": found.high_s},
            "cost": {"low": found.low_cost, "high": found.high_cost},
            "rests_on": list(found.basis),
            "notes": list(found.notes),
        }

    def submit_sweep(
        self,
        ctx: Context[Any, Any],
        preset: str | None = None,
        settings: Sequence[str] = (),
        name: str | None = None,
        request_key: str = "",
    ) -> dict[str, Any]:
        """Start a sweep; only for those who may submit. Call plan_sweep first.

        request_key: chosen by you; the same key twice is one sweep.
        """
        from ray_bench.serve.asking.plan import plan

        actor = _actor(ctx)
        board = self._board
        if board is None or actor is None or actor.role != "submitter":
            raise ToolError("You may look and plan, and not start: this needs the role submitter.")
        request = JobRequest(
            source=preset,
            settings=tuple(settings),
            name=name,
            request_key=request_key or uuid.uuid4().hex,
        )
        refusals = plan(request, self._settings).refusals
        if refusals:
            raise ToolError("Not started. " + " ".join(x.text for x in refusals))
        job = board.submit(request, actor.name)
        return {"job_id": job.job_id, "phase": job.phase, "place": job.place}

    def _report(
        self,
        sweep_id: str,
        aim: str = "balanced",
        price: float | None = None,
        max_workers: int | None = None,
        target: str | None = None,
    ) -> Report:
        wish = wish_of(
            aim=aim,
            price="" if price is None else str(price),
            max_workers="" if max_workers is None else str(max_workers),
            target=target or "",
        )
        self._check(sweep_id)
        made = result_within(self._studies.report(sweep_id, wish), _PATIENCE_S)
        if made is None:
            raise ToolError("The sweep is still being analysed. Ask again in a minute.")
        return made.report

    def _analysed(self, sweep_id: str) -> Analysed:
        self._check(sweep_id)
        found = result_within(self._studies.analysed(sweep_id), _PATIENCE_S)
        if found is None:
            raise ToolError("The sweep is still being analysed. Ask again in a minute.")
        return found

    def _check(self, sweep_id: str) -> None:
        if self._index.row(sweep_id) is None:
            raise ToolError(f"There is no sweep {sweep_id[:80]!r}; list_sweeps has all ids.")


def _actor(ctx: Context[Any, Any]) -> Any:
    """Return who asks, as the door has found; None over standard input."""
    request = ctx.request_context.request
    return getattr(request.state, "actor", None) if isinstance(request, Request) else None
