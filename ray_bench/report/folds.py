"""Everything else, by topic: each fold says what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_bench.report.cells import Section
from ray_bench.report.picture import Picture
from ray_bench.report.screen import Fold, Numbers, Screen


@dataclass(frozen=True, slots=True)
class _Topic:
    key: str
    title: str
    sections: tuple[str, ...]  # keys without the number of their group
    pictures: tuple[str, ...] = ()


_TOPICS = (
    _Topic("steps", "Inside a step", ("phases",), ("phases", "rank_times")),
    _Topic("losses", "Losses by cause", ("waterfall",)),
    _Topic("forecast", "Forecast", ("predictions",), ("efficiency", "serial_share")),
    _Topic("aims", "Other aims", ("decision", "usage")),
    _Topic("accuracy", "Accuracy by epoch", ("accuracy",), ("accuracy_time", "noise_scale")),
    _Topic("network", "Network", ("network",), ("all_reduce",)),
    _Topic("nodes", "Nodes", ("nodes",)),
    _Topic("settings", "Settings compared", ("settings",)),
    _Topic("memory", "Memory and energy", ("resources", "needs")),
    _Topic("runs", "Runs", ("failures", "faults", "record"), ("block_times",)),
    _Topic("machine", "Machine and settings", ("configuration", "command")),
    _Topic("method", "Method", ("findings", "scaling", "time")),
)


def folds_of(
    screens: Sequence[Screen],
    sections: Sequence[Section],
    pictures: Sequence[Picture],
    says: Mapping[str, str],
) -> tuple[Fold, ...]:
    """Return the folds: all numbers of every curve, then every topic that has something.

    Args:
        screens: Of the report.
        sections: All of them.
        pictures: All of them.
        says: What is in a fold, by its key.
    """
    numbers = [
        Fold(
            key="numbers" if i == 1 else f"numbers_{i}",
            title="All numbers" if x.name is None else f"All numbers: {x.name}",
            says=_how_many(x.numbers),
            numbers=x.numbers,
        )
        for i, x in enumerate(screens, start=1)
        if x.numbers.quantities
    ]
    return (*numbers, *(x for t in _TOPICS if (x := _fold(t, sections, pictures, says))))


def _how_many(numbers: Numbers) -> str:
    return f"{len(numbers.quantities)} quantities at {len(numbers.sizes)} sizes, each once"


def _fold(
    topic: _Topic,
    sections: Sequence[Section],
    pictures: Sequence[Picture],
    says: Mapping[str, str],
) -> Fold | None:
    found = tuple(x for x in sections if _name(x.key) in topic.sections)
    drawn = tuple(x for x in pictures if _name(x.key) in topic.pictures)
    if not found and not drawn:
        return None
    return Fold(
        key=topic.key,
        title=topic.title,
        says=says.get(topic.key, ""),
        sections=found,
        pictures=drawn,
    )


def _name(key: str) -> str:
    return key.rstrip("0123456789").rstrip("_")
