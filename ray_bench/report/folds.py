"""Everything else, by topic: each fold says what is in it, with its main number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ray_bench.analysis.disturbances import Disturbance
from ray_bench.records import Results
from ray_bench.report.cells import Section
from ray_bench.report.context import Context
from ray_bench.report.flags import Flag
from ray_bench.report.picture import Picture
from ray_bench.report.screen import Fold, Numbers, Screen
from ray_bench.report.sections import (
    accuracy,
    aims,
    machine,
    memory,
    method,
    network,
    nodes,
    noise_fold,
    parity,
    predictions,
    rates,
    record,
    settings,
    steps,
    waterfall,
)
from ray_bench.report.sections.faults import Money


@dataclass(frozen=True, slots=True)
class _Topic:
    """A fold that every curve has a section in."""

    key: str
    title: str
    section: Callable[[Context], Section]
    says: Callable[[Context], str]
    pictures: tuple[str, ...] = ()  # keys without the number of the curve


_OF_A_CURVE = (
    _Topic("steps", "Inside a step", steps.section, steps.says, ("phases", "rank_times")),
    _Topic("losses", "Losses by cause", waterfall.section, waterfall.says, ("waterfall",)),
    _Topic(
        "forecast", "Forecast", predictions.section, predictions.says,
        ("speedup", "efficiency", "serial_share"),
    ),
    _Topic("aims", "Other aims", aims.section, aims.says, ("front",)),
    _Topic(
        "accuracy", "Accuracy by epoch", accuracy.section, accuracy.says,
        ("accuracy_time", "accuracy_epoch"),
    ),
)  # fmt: skip
_RESOURCES = _Topic("memory", "Memory and energy", memory.section, memory.says)


def folds_of(
    results: Results,
    contexts: Sequence[Context],
    screens: Sequence[Screen],
    pictures: Sequence[Picture],
    flags: Sequence[Flag],
    lost: Sequence[Disturbance],
    money: Money,
    learnt: Sequence[parity.Judged],
) -> tuple[Fold, ...]:
    """Return the folds: all numbers of every curve, then every topic that has something.

    Args:
        results: The sweep.
        contexts: Its curves; none where no run can be used.
        screens: Their first screens.
        pictures: All of the report's.
        flags: What is said of runs.
        lost: Attempts that came to nothing.
        money: Price of a worker-hour.
        learnt: What is known of learning (`learnt_of`).
    """
    shown = {x.key for screen in screens for x in pictures_of(screen)}
    drawn = _Drawn([x for x in pictures if x.key not in shown])
    runs = Fold(
        key="runs",
        title="Runs",
        says=record.says(results),
        sections=(record.section(results, lost, money),),
        pictures=drawn.of("block_times"),
    )
    found = (
        *_numbers(screens),
        *(_of_curves(x, contexts, drawn) for x in _OF_A_CURVE if contexts),
        *_same_model(learnt),
        *_rates(contexts),
        *_noise(contexts, drawn),
        *_networks(results, drawn),
        *_varied(results, contexts),
        *([_of_curves(_RESOURCES, contexts, drawn)] if contexts else []),
        runs,
        *_warnings(flags),
        _machine(results, contexts),
        *([_method(contexts)] if contexts else []),
    )
    return tuple(found)


def pictures_of(screen: Screen) -> tuple[Picture, ...]:
    """Return what a first screen draws."""
    curve = () if screen.curve is None else (screen.curve,)
    return (*curve, *(panel.picture for panel in screen.panels))


class _Drawn:
    """The pictures that no first screen has, those of several curves together."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self.pictures = pictures

    def of(self, *names: str) -> tuple[Picture, ...]:
        """Return the pictures with these keys, for every curve."""
        return tuple(
            x for x in self.pictures if any(x.key == n or x.key in _numbered(n) for n in names)
        )


def _numbered(name: str, most: int = 1000) -> frozenset[str]:
    return frozenset(f"{name}_{i}" for i in range(2, most))


def _numbers(screens: Sequence[Screen]) -> Iterator[Fold]:
    for i, screen in enumerate(screens, start=1):
        if screen.numbers.quantities:
            yield Fold(
                key="numbers" if i == 1 else f"numbers_{i}",
                title="All numbers" if screen.name is None else f"All numbers: {screen.name}",
                says=_how_many(screen.numbers),
                numbers=screen.numbers,
            )


def _how_many(numbers: Numbers) -> str:
    sizes = len(numbers.sizes)
    return f"{len(numbers.quantities)} quantities at {sizes} size{'s' * (sizes > 1)}, each once"


def _of_curves(topic: _Topic, contexts: Sequence[Context], drawn: _Drawn) -> Fold:
    return Fold(
        key=topic.key,
        title=topic.title,
        says=_said(topic.says, contexts),
        sections=tuple(topic.section(x) for x in contexts),
        pictures=drawn.of(*topic.pictures),
    )


def _said(says: Callable[[Context], str], contexts: Sequence[Context]) -> str:
    """Return what the first curve's section says, and that there are others."""
    first = contexts[0]
    if first.name is None:
        return says(first)
    more = len(contexts) - 1
    return f"{first.name}: {says(first)}; {more} more curve{'s' * (more > 1)}"


def learnt_of(contexts: Sequence[Context]) -> tuple[parity.Judged, ...]:
    """Return what is known of the curves' learning, of the same runs once."""
    apart = tuple(_learning(contexts))
    found = tuple(x for x in map(parity.judged_of, apart) if x is not None)
    return tuple(replace(x, is_of_all=len(apart) == 1) for x in found)


def _same_model(found: Sequence[parity.Judged]) -> Iterator[Fold]:
    if found:
        yield Fold(
            key="parity",
            title="The same model?",
            says=parity.says(found[0]),
            sections=tuple(parity.section(x) for x in found),
        )
    targets = tuple(x for x in map(parity.target_section, found) if x is not None)
    if targets:
        says = targets[0].paragraphs[0]
        yield Fold(key="target", title="What the target takes", says=says, sections=targets)


def _learning(contexts: Sequence[Context]) -> Iterator[Context]:
    """Yield the curves that learning is judged by other runs of than those of one before."""
    seen: set[frozenset[str]] = set()
    for context in contexts:
        ids = frozenset(run.run_id for run in context.study.trained)
        if ids not in seen:
            seen.add(ids)
            yield context


def _rates(contexts: Sequence[Context]) -> Iterator[Fold]:
    if found := rates.sections(contexts):
        says = rates.says(contexts)
        yield Fold(key="rates", title="Learning rate as applied", says=says, sections=found)


def _noise(contexts: Sequence[Context], drawn: _Drawn) -> Iterator[Fold]:
    with_noise = [x for x in contexts if x.study.noise or x.study.noise_curve]
    if with_noise:
        yield Fold(
            key="noise",
            title="Batch against gradient noise",
            says=noise_fold.says(with_noise[0]),
            sections=noise_fold.sections(with_noise),
            pictures=drawn.of("noise_curve", "noise_scale"),
        )


def _networks(results: Results, drawn: _Drawn) -> Iterator[Fold]:
    found = network.sections(results.network)
    if found:
        says = network.says(results.network)
        yield Fold(
            key="network", title="Network", says=says, sections=found,
            pictures=drawn.of("all_reduce"),
        )  # fmt: skip


def _varied(results: Results, contexts: Sequence[Context]) -> Iterator[Fold]:
    if places := nodes.sections(results, contexts):
        says = nodes.says(results, contexts)
        yield Fold(key="nodes", title="Nodes", says=says, sections=places)
    if values := settings.sections(contexts):
        says = settings.says(contexts)
        yield Fold(key="settings", title="Settings compared", says=says, sections=values)


def _warnings(flags: Sequence[Flag]) -> Iterator[Fold]:
    if flags:
        words = tuple(f"{x.key}{f' ({x.runs})' if x.num_runs else ''}: {x.text}" for x in flags)
        says = f"{len(flags)} of runs and of the analysis, each in full"
        section = Section("warnings", "Warnings", words)
        yield Fold(key="warnings", title="Warnings", says=says, sections=(section,))


def _machine(results: Results, contexts: Sequence[Context]) -> Fold:
    return Fold(
        key="machine",
        title="Machine and settings",
        says=machine.says(results),
        sections=(*machine.sections(results), *(machine.needs_section(x) for x in contexts)),
    )


def _method(contexts: Sequence[Context]) -> Fold:
    return Fold(
        key="method",
        title="Method",
        says=_said(method.says, contexts),
        sections=tuple(method.section(x) for x in contexts),
    )
