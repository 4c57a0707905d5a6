"""The runs of a sweep as a grid: what is trained down, repeats and seeds across."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ray_bench.records import PlannedRun, Point, RunRecord
from ray_bench.serve.live.gather import LiveView
from ray_bench.serve.live.words import workers
from ray_bench.sweep.progress import as_duration

#: Of more columns than these the cells show a mark alone, and of more than those counts stand.
FEW_COLUMNS, MOST_COLUMNS, MOST_ROWS = 5, 40, 60

State = Literal["done", "running", "ended", "failed", "waiting"]


@dataclass(frozen=True, slots=True)
class RunCell:
    """A run; the text is for a wide cell, the title for all."""

    state: State
    text: str = ""
    below: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGrid:
    """The grid; without columns, where there are too many, rows of counts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[RunCell | None, ...]], ...]
    is_wide: bool

    @property
    def num_columns(self) -> int:
        """Beside the names of the rows."""
        return len(self.columns)


def run_grid(view: LiveView) -> RunGrid | None:
    """Return the grid; None where the plan is not known, or is too large to be drawn."""
    if not view.planned:
        return None
    several = _differing(view.planned)
    columns: dict[tuple[int, int], str] = {}
    rows: dict[str, dict[tuple[int, int], PlannedRun]] = {}
    for run in sorted(view.planned, key=lambda run: _by_place(run, several)):
        column = (run.point.seed or 0, run.repeat) if "seed" in several else (0, run.repeat)
        rows.setdefault(_row(run.point, several), {})[column] = run
        columns.setdefault(column, "")
    order = sorted(columns)
    if len(order) > MOST_COLUMNS or len(rows) > MOST_ROWS:
        return None
    repeats = {repeat for _, repeat in order}
    ended = {run.run_id: run for run in view.runs}
    going = {run["run_id"]: run for run in view.live.get("runs", ())} if not view.is_over else {}
    return RunGrid(
        columns=tuple(_column(c, several, len(repeats)) for c in order),
        rows=tuple(
            (name, tuple(_cell(cells.get(column), ended, going) for column in order))
            for name, cells in rows.items()
        ),
        is_wide=len(order) <= FEW_COLUMNS,
    )


def _differing(planned: tuple[PlannedRun, ...]) -> set[str]:
    names = [
        *("seed", "rule", "placement", "precision", "compile", "accumulate_steps"),
        *("memory_format", "bucket_cap_mb", "compression"),
    ]
    kinds: dict[tuple[int, bool], list[Point]] = {}
    for run in planned:
        kinds.setdefault((run.point.world_size, run.point.is_ddp), []).append(run.point)
    return {
        name
        for name in names
        if any(len({getattr(x, name, None) for x in points}) > 1 for points in kinds.values())
    }


def _by_place(run: PlannedRun, several: set[str]) -> tuple[int, bool, str]:
    return run.point.world_size, run.point.is_ddp, _row(run.point, several)


def _row(point: Point, several: set[str]) -> str:
    words = [workers(point.world_size)]
    words += ["DDP"] if point.world_size == 1 and point.is_ddp else []
    for name in sorted(several - {"seed"}):
        value = getattr(point, name, None)
        words += [] if value is None else [str(value)]
    return ", ".join(words)


def _column(column: tuple[int, int], several: set[str], num_repeats: int) -> str:
    seed, repeat = column
    if "seed" not in several:
        return f"Repeat {repeat + 1}"
    return f"Seed {seed}" if num_repeats == 1 else f"Seed {seed}, {repeat + 1}"


def _cell(
    planned: PlannedRun | None, ended: Mapping[str, RunRecord], going: Mapping[str, Any]
) -> RunCell | None:
    if planned is None:
        return None
    live = going.get(planned.run_id)
    if live is not None:
        rate = live.get("so_far_samples_per_s")
        left = live.get("left_s")
        text = live["phase"] if rate is None else f"{rate:,.0f}/s"
        return RunCell("running", text, "" if left is None else f"{as_duration(left)} left")
    run = ended.get(planned.run_id)
    if run is None:
        return RunCell("waiting", "waiting", f"run {planned.order_index + 1}")
    if not run.is_finished:
        state: State = "failed" if run.must_repeat else "ended"
        return RunCell(state, run.status, as_duration(run.wall_s))
    rate = run.throughput_samples_per_s
    return RunCell("done", "done" if rate is None else f"{rate:,.0f}/s", as_duration(run.wall_s))
