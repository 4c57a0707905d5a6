"""Sweeps as the API returns them: what `ray-bench list --format json` says of one, and more."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from ray_bench.serve.index import Found, SweepRow
from ray_bench.serve.index.progress import Progress
from ray_bench.serve.index.rows import Figure, Point
from ray_bench.store.summary import State, values_of


class AnswerModel(BaseModel):
    """What the last report of a sweep said."""

    lead: str
    world_size: int | None = Field(description="The recommended one; null: none")
    figures: list[Figure] = Field(description="At the recommended world size; intervals are 95 %")
    num_caveats: int
    is_current: bool = Field(description="Whether it is of the runs that are there now")
    made_at_utc: datetime
    ray_bench_version: str


class SweepModel(BaseModel):
    """A sweep in a list."""

    sweep_id: str
    name: str | None
    tags: list[str]
    note: str | None
    created_at_utc: datetime
    workload: str | None
    hardware: str | None
    world_sizes: list[int]
    num_planned: int
    num_done: int
    num_failed: int
    num_ended: int
    state: State
    answer: AnswerModel | None
    message: str = Field(description="What to know of its state; empty where it says all")
    problems: list[str] = Field(description="What of it cannot be read")
    progress: Progress | None = Field(description="Of one that runs")
    curve: list[Point] = Field(description="Measured efficiency; empty: not analysed yet")
    settings: dict[str, str] = Field(description="What was set, by dotted key")
    version: str = Field(description="Changes when its runs or labels change")


class SweepsModel(BaseModel):
    """A page of sweeps."""

    sweeps: list[SweepModel]
    page: int
    num_pages: int
    num_fitting: int = Field(description="Sweeps that fit, on all pages")
    num_all: int = Field(description="Sweeps in the store")
    num_by_state: dict[State, int] = Field(description="Fitting in all but the state")
    trouble: str = Field(description="Why the store cannot be looked at now; empty if it can")


def sweep_model(row: SweepRow) -> SweepModel:
    """Return a row for the API."""
    return SweepModel.model_validate(
        {
            **values_of(row),
            "message": row.message,
            "problems": row.problems,
            "progress": row.progress,
            "curve": row.curve,
            "settings": row.settings,
            "version": row.version,
        }
    )


def sweeps_model(found: Found, trouble: str) -> SweepsModel:
    """Return a page of rows for the API."""
    return SweepsModel(
        sweeps=[sweep_model(row) for row in found.rows],
        page=found.asked.page,
        num_pages=found.num_pages,
        num_fitting=found.num_fitting,
        num_all=found.num_all,
        num_by_state=dict(found.num_by_state),
        trouble=trouble,
    )
