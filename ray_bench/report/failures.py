"""What failed, attempt by attempt: cause by rank, traceback, time, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ray_bench.records import FailureRecord, Results, RunRecord, kept_traceback
from ray_bench.report.cells import Cell, Section, asked, number, table, text
from ray_bench.report.failure_words import cause, origins, remedy, what_failed
from ray_bench.report.model import Report

#: Tracebacks of one attempt; ranks that say the same share one.
_MAX_TRACEBACKS = 3
#: The last of each.
_MAX_LINES = 100
#: A shorter wait is none.
_LEAST_WAIT_S = 0.05

#: What failed, by run id and attempt.
Failures = Mapping[tuple[str, int], Sequence[FailureRecord]]

_COLUMNS = {
    "run_id": "Run",
    "attempt": "Attempt",
    "world_size": "Workers",
    "status": "Status",
    "wall": "Wall time",
    "wait": "Waited before",
    "rank": "Rank",
    "cause": "Cause",
    "remedy": "What to do",
}


def failures_report(results: Results, attempts: Sequence[RunRecord], failures: Failures) -> Report:
    """Return what `ray-bench report --failures` says.

    Args:
        results: The sweep.
        attempts: All attempts of all runs, in their order.
        failures: What their ranks have said.
    """
    causes = [(run, _causes(run, failures.get((run.run_id, run.attempt), ()))) for run in attempts]
    told = [(run, found) for run, found in causes if found]
    rows = [_row(run, found[0]) for run, found in told]
    overview = table("failed_attempts", "Attempts", _COLUMNS, rows, optional=("wait",))
    sections = [Section("failures", "What failed", tables=(overview,))] if rows else []
    sections += [_section(i, run, found) for i, (run, found) in enumerate(told, start=1)]
    return Report(
        title="Failures",
        sweep_id=results.sweep.sweep_id,
        answer=_answer(attempts, told),
        flags=(),
        sections=tuple(sections),
    )


def _answer(attempts: Sequence[RunRecord], told: Sequence[tuple[RunRecord, object]]) -> str:
    lost = sum(not run.is_finished for run, _ in told)
    partly = len(told) - lost
    if not told:
        return f"Nothing failed: {_some(len(attempts), 'attempt')} came to their end."
    words = f"{lost} of {_some(len(attempts), 'attempt')} failed"
    if partly:
        words += f"; {partly} came to their end without all that is measured beside training"
    return f"{words}."


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" + "s" * (count != 1)


def _causes(run: RunRecord, found: Sequence[FailureRecord]) -> list[FailureRecord]:
    """Return what is known, the cause first; of an older version what the run itself has."""
    if run.is_finished or any(x.part == "run" for x in found):
        return list(found)
    own = FailureRecord(
        run_id=run.run_id,
        part="run",
        rank=run.error_rank,
        error_type=run.error_type or run.status,
        error_message=run.error_message or "no message",
        error_traceback=run.error_traceback,
    )
    return [own, *found]


def _row(run: RunRecord, first: FailureRecord) -> tuple[Cell, ...]:
    return (
        text(run.run_id),
        asked(run.attempt),
        asked(run.point.world_size),
        text(run.status if not run.is_finished else f"ok, without {what_failed(first)}"),
        number(run.wall_s, "s"),
        number(run.wait_s, "s"),
        asked(first.rank),
        text(cause(first)),
        text(remedy(first)),
    )


def _section(index: int, run: RunRecord, found: Sequence[FailureRecord]) -> Section:
    columns = {"rank": "Rank", "part": "What failed", "cause": "Cause"}
    rows = [(asked(x.rank), text(what_failed(x)), text(cause(x))) for x in found]
    waited = (
        f", after waiting {run.wait_s:.1f} s for places"
        if (run.wait_s or 0.0) >= _LEAST_WAIT_S
        else ""
    )
    steps = "" if run.num_steps is None else f", {_some(run.num_steps, 'step')} made"
    return Section(
        f"failure_{index}",
        f"{run.run_id}, attempt {run.attempt}",
        (
            f"{run.status} after {run.wall_s:.1f} s{waited}{steps}; begun "
            f"{run.started_at_utc:%Y-%m-%d %H:%M:%S} UTC.",
            f"What to do: {remedy(found[0])}",
        ),
        (table(f"causes_{index}", "Cause by rank", columns, rows),),
        _tracebacks(found),
    )


def _tracebacks(found: Sequence[FailureRecord]) -> str | None:
    """Return the tracebacks of the causes, of ranks that only lost another one only if alone."""
    ranks: dict[str, list[str]] = {}
    for failure in [x for x in origins(found) if x.error_traceback]:
        name = "unknown" if failure.rank is None else str(failure.rank)
        lines = kept_traceback(failure.error_traceback or "").splitlines()
        ranks.setdefault("\n".join(lines[-_MAX_LINES:]), []).append(name)
    shown = list(ranks.items())[:_MAX_TRACEBACKS]
    texts = [f"Rank {', '.join(names)}:\n{trace}" for trace, names in shown]
    if len(ranks) > len(shown):
        texts.append(f"{_some(len(ranks) - len(shown), 'more traceback')} in the table failures.")
    return "\n\n".join(texts) or None
