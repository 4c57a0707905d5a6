"""A row of the list of sweeps: what is stored of one, what it says of itself, what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from pydantic import FiniteFloat, PositiveInt, TypeAdapter, ValidationError

from ray_bench.report.cells import Unit
from ray_bench.report.configured import set_values
from ray_bench.serve.index.progress import Progress, progress_of, state_of
from ray_bench.store.summary import State, SweepSummary
from ray_bench.store.watch import Glance


@dataclass(frozen=True, slots=True)
class Point:
    """The efficiency at a world size, with its 95 % interval where there is one."""

    world_size: PositiveInt
    value: FiniteFloat
    low: FiniteFloat | None
    high: FiniteFloat | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number of an answer, with its 95 % interval where there is one."""

    key: str
    value: FiniteFloat | str | None
    title: str = ""
    unit: Unit | None = None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    currency: str | None = None


_CURVE = TypeAdapter(tuple[Point, ...])
_FIGURES = TypeAdapter(tuple[Figure, ...])


@dataclass(frozen=True, kw_only=True)
class SweepRow(SweepSummary):
    """A summary, and what only a look at more than the runs' files tells.

    Attributes:
        version: Changes when anything changes that its report is made from, or its labels.
        config_json: As it was asked for.
        now: What the state is said to be; see `state`.
        progress: Of a sweep that runs.
        message: What to know of its state, in sentences; empty where the state says it all.
        problems: What of it cannot be read.
    """

    version: str
    config_json: str = "{}"
    now: State
    progress: Progress | None = None
    message: str = ""
    problems: tuple[str, ...] = field(default=())

    @property
    def state(self) -> State:
        """How far the sweep is, and whether it goes on."""
        return self.now

    @property
    def title(self) -> str:
        """What to call it."""
        return self.labels.name or self.workload or self.sweep_id

    @property
    def hardware(self) -> str | None:
        """The machines in words, as its last report told them."""
        return None if self.answer is None else self.answer.hardware

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """What was set, by dotted key, without what stands in columns of its own."""
        return _settings(self.config_json)

    @cached_property
    def curve(self) -> tuple[Point, ...]:
        """The efficiency by world size as the last report had it; empty where there is none."""
        found = None if self.answer is None else self.answer.curve_json
        return () if found is None else _CURVE.validate_json(found)

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """The numbers at the recommended world size as the last report had them, by their keys."""
        found = () if self.answer is None else _FIGURES.validate_json(self.answer.figures_json)
        return {x.key: x for x in found}

    @cached_property
    def searched(self) -> str:
        """Everything that a search looks through, in lower case."""
        labels = self.labels
        words = [self.sweep_id, self.workload, labels.name, *labels.tags, labels.note]
        words += [self.hardware, self.state, *(f"{k}={v}" for k, v in self.settings.items())]
        return "\n".join(x for x in words if x).lower()


def row_of(glance: Glance, now: datetime) -> SweepRow:
    """Return the row of a sweep.

    Args:
        glance: What is known of it.
        now: The time of day: a sweep that has been silent for long has died.
    """
    problems = tuple(map(str, glance.errors))
    if glance.summary is None or glance.record is None:
        return _unreadable(glance, problems)
    summary, trouble = _readable(glance.summary)
    state, message = state_of(summary, glance.live, glance.heard_at_utc, now)
    return SweepRow(
        **{x.name: getattr(summary, x.name) for x in fields(SweepSummary)},
        version=glance.version,
        config_json=glance.record.config_json,
        now=state,
        progress=progress_of(glance.live) if state == "running" and glance.live else None,
        message=message,
        problems=(*problems, *trouble),
    )


def _readable(summary: SweepSummary) -> tuple[SweepSummary, tuple[str, ...]]:
    """Return a summary without numbers that are none: anybody may have written the results."""
    answer = summary.answer
    if answer is None:
        return summary, ()
    try:
        _FIGURES.validate_json(answer.figures_json)
        _CURVE.validate_json(answer.curve_json or "[]")
    except ValidationError as err:
        bare = replace(answer, figures_json="[]", curve_json=None)
        why = err.errors(include_input=False, include_url=False)[0]["msg"]
        return replace(summary, answer=bare), (f"The numbers of its answer are damaged: {why}.",)
    return summary, ()


def _unreadable(glance: Glance, problems: tuple[str, ...]) -> SweepRow:
    return SweepRow(
        sweep_id=glance.sweep_id,
        created_at_utc=glance.changed_at_utc or datetime.fromtimestamp(0, UTC),
        workload=None,
        world_sizes=(),
        num_planned=0,
        num_done=0,
        num_failed=0,
        version=glance.version,
        now="unreadable",
        message=f"It cannot be read: {problems[0]}" if problems else "It cannot be read.",
        problems=problems,
    )


@lru_cache(maxsize=1024)
def _settings(config_json: str) -> Mapping[str, str]:
    found = set_values(config_json)
    return {key: value for key, value in found.items() if key not in ("workload", "name")}
