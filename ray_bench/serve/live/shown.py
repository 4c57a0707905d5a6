"""All that the page of a running sweep shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from ray_bench.report.format import clean
from ray_bench.serve.board import Job
from ray_bench.serve.live.drawn import Pace, Steady, pace, steady
from ray_bench.serve.live.gather import LiveView, Phase
from ray_bench.serve.live.grid import RunGrid, run_grid
from ray_bench.serve.live.speeds import speeds
from ray_bench.serve.live.words import Figure, figures, findings, lead, rest, title
from ray_bench.sweep.progress import as_duration

#: Who has said nothing for so long does not come back, and can be resumed.
LOST_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveShown:
    """What the templates take; see `templates/_live.html.j2`."""

    url: str
    phase: Phase | Literal["starting"]
    is_over: bool
    is_stopping: bool
    can_resume: bool
    job_id: str | None
    context: tuple[str, ...]
    title: str
    lead: str
    message: str
    trouble: str
    age: str
    as_of: str
    done_share: float  # per cent
    failed_share: float
    going_share: float
    figures: tuple[Figure, ...]
    pace_title: str
    pace: Pace | None
    grid: RunGrid | None
    counts: tuple[Mapping[str, Any], ...]
    steady: Steady | None
    ranks: tuple[Mapping[str, Any], ...]
    ranks_words: str
    rest: tuple[tuple[str, str], ...]


def shown(view: LiveView, job: Job | None) -> LiveShown:
    """Return what the page shows of a sweep; the job is the board's that measures it now."""
    found, going = speeds(view.runs), view.going
    failed = view.num_failed
    total = max(1, view.num_planned)
    grid = run_grid(view)
    ranks = () if going is None else tuple(map(_rank, going.get("ranks", ())))
    is_ours = job is not None and job.phase in ("queued", "running")
    # A resumed sweep has spoken last when it was stopped.
    is_starting = is_ours and view.phase != "running" and not _has_spoken(view, job)
    is_lost = view.phase == "silent" and not is_ours and view.age_s > LOST_S
    is_over = view.is_over and not is_starting
    return LiveShown(
        url=f"/sweeps/{quote(view.sweep.sweep_id, safe='')}",
        phase="starting" if is_starting else view.phase,
        is_over=is_over,
        is_stopping=view.is_stopping,
        can_resume=not is_ours and (is_lost or view.phase in ("interrupted", "failed")),
        job_id=job.job_id if job is not None and (is_ours or is_over) else None,
        context=_context(view),
        title=title(view) if not is_starting else f"{_done(view)}, the rest starts",
        lead=lead(view),
        message=clean(str(view.live.get("message") or "")),
        trouble=clean(str((going or {}).get("trouble") or "")),
        age=as_duration(view.age_s),
        as_of=str(view.live.get("updated_at_utc", ""))[11:19] + " UTC",
        done_share=round(100 * (view.num_ended - failed) / total, 2),
        failed_share=round(100 * failed / total, 2),
        going_share=_going_share(going, total),
        figures=figures(view),
        pace_title=findings(found),
        pace=pace(found),
        grid=grid,
        counts=() if grid is not None else tuple(map(_count, view.live.get("points", ()))),
        steady=steady(going),
        ranks=ranks,
        ranks_words=_behind(ranks),
        rest=rest(view),
    )


def _has_spoken(view: LiveView, job: Job | None) -> bool:
    """Tell whether its last words are of this job: then they are what there is to be shown."""
    begun = None if job is None else job.started_at_utc
    said = view.live.get("updated_at_utc")
    return begun is not None and said is not None and datetime.fromisoformat(said) >= begun


def _done(view: LiveView) -> str:
    return f"{view.num_ended} of {view.num_planned} runs done"


def _context(view: LiveView) -> tuple[str, ...]:
    config = view.config
    if config is None:
        return (clean(view.sweep.sweep_id),)
    batch = "" if config.batch_size is None else f"batch {config.batch_size}"
    each = " each" if config.scaling == "weak" else " in all"
    words = [config.target_name, f"{config.scaling} scaling", f"{batch}{each}" if batch else ""]
    return tuple(clean(word) for word in words if word)


def _going_share(going: Mapping[str, Any] | None, total: int) -> float:
    if going is None or not going.get("num_steps"):
        return 0.0
    done = float(going["step"]) / float(going["num_steps"])
    return round(100 * min(1.0, done) / total, 2)


def _rank(told: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "rank": told["rank"],
        "phase": clean(str(told["phase"])),
        "step": told["step"],
        "heard": as_duration(told["heard_s_ago"]),
    }


def _behind(ranks: tuple[Mapping[str, Any], ...]) -> str:
    steps = [rank["step"] for rank in ranks]
    if not steps or min(steps) == max(steps):
        return "all at the same step"
    apart = max(steps) - min(steps)
    return f"the last is {apart} step{'' if apart == 1 else 's'} behind the first"


def _count(point: Mapping[str, Any]) -> Mapping[str, Any]:
    rate = point.get("throughput_samples_per_s")
    done, failed, running = point["num_done"], point["num_failed"], point["num_running"]
    return {
        "label": clean(str(point["label"])),
        "done": done,
        "running": running,
        "failed": failed,
        "left": point["num_planned"] - done - failed - running,
        "rate": "-" if rate is None else f"{rate:,.0f}",
    }
