"""What a report says, once. The renderers only draw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ray_bench.analysis.comparison.settings import config_of
from ray_bench.analysis.decision.advice import Ask
from ray_bench.analysis.decision.aim import parse_aim
from ray_bench.analysis.disturbances import disturbances
from ray_bench.analysis.parity.asked import asked_margin, asked_target
from ray_bench.analysis.study import Study, studies
from ray_bench.records import Results, RunRecord
from ray_bench.report.cells import Section
from ray_bench.report.context import Context, curve_names
from ray_bench.report.flags import Flag, flags_of
from ray_bench.report.folds import folds_of, learnt_of
from ray_bench.report.format import LEGEND
from ray_bench.report.parity_entry import ParityEntry, parity_entry
from ray_bench.report.picture import Picture
from ray_bench.report.pictures import all_pictures
from ray_bench.report.screen import Fold, Screen
from ray_bench.report.screens import screens_of
from ray_bench.report.screens.spoken import spoken
from ray_bench.report.sections.faults import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that the terminal, Markdown and JSON reports say."""

    title: str
    sweep_id: str
    answer: str
    flags: tuple[Flag, ...]
    sections: tuple[Section, ...]
    pictures: tuple[Picture, ...] = ()
    screens: tuple[Screen, ...] = ()  # one a curve; none of what is no sweep
    folds: tuple[Fold, ...] = ()  # all else, by topic
    parity: tuple[ParityEntry, ...] = ()  # whether more workers reach the same model
    configuration: Mapping[str, Any] = field(default_factory=dict)  # of a sweep, whole
    legend: str = LEGEND


def build_report(
    results: Results,
    *,
    price_per_worker_hour: float | None = None,
    currency: str | None = None,
    aim: str = "balanced",
    max_workers: int | None = None,
    target: str | float | None = None,
    epochs: float | None = None,
    margin: str | None = None,
    analysed: tuple[Study, ...] | None = None,
    attempts: Sequence[RunRecord] = (),
) -> Report:
    """Analyse the results of a sweep and say what they mean.

    Args:
        results: One sweep, finished or not.
        price_per_worker_hour: Money per worker and hour; by default as the sweep was configured.
        currency: Of the price; by default that of the configuration.
        aim: What to decide for, such as `deadline=30min`.
        max_workers: Predicted world sizes up to here are chosen from like measured ones.
        target: To decide for, such as `accuracy>=0.9`, or 0.9; by default that of the sweep's
            `metrics.target`, and without one what every run reached is told.
        epochs: Of the run that is decided on; by default as many as were measured.
        margin: Within which trainings count as the same, such as `accuracy=0.003,loss=1%`; by
            default that of the sweep's `metrics`.
        analysed: The studies, where they are there already; analysed for the same wishes.
        attempts: All attempts of the sweep's runs, to say what faults cost.

    Raises:
        ConfigError: The aim or the target cannot be read, or no run has told the metric.
    """
    ask, currency = ask_of(
        results,
        price_per_worker_hour=price_per_worker_hour,
        currency=currency,
        aim=aim,
        max_workers=max_workers,
        target=target,
        epochs=epochs,
    )
    found = studies(results, ask) if analysed is None else analysed
    names = curve_names(tuple(x.group for x in found))
    contexts = [
        Context(
            results=results,
            study=study,
            price_per_worker_hour=ask.price_per_worker_hour,
            currency=currency,
            number=number,
            num_groups=len(found),
            margin=asked_margin(results, margin),
            name=name,
        )
        for number, (study, name) in enumerate(zip(found, names, strict=True), start=1)
    ]
    money = Money(ask.price_per_worker_hour, currency)
    learnt = learnt_of(contexts)
    flags, screens = flags_of(results, found), screens_of(results, contexts, learnt)
    pictures = all_pictures(results, contexts)
    lost = disturbances(attempts)
    folds = folds_of(results, contexts, screens, pictures, flags, lost, money, learnt)
    workload = (
        results.runs[0].point.workload
        if results.runs
        else config_of(results.sweep.config_json).get("workload", "?")
    )
    return Report(
        title=f"Scaling report: {workload}",
        sweep_id=results.sweep.sweep_id,
        answer=" ".join(spoken(x) for x in screens),
        flags=flags,
        sections=tuple(section for fold in folds for section in fold.sections),
        pictures=pictures,
        screens=screens,
        folds=folds,
        parity=tuple(map(parity_entry, learnt)),
        configuration=config_of(results.sweep.config_json),
    )


def ask_of(
    results: Results,
    *,
    price_per_worker_hour: float | None = None,
    currency: str | None = None,
    aim: str = "balanced",
    max_workers: int | None = None,
    target: str | float | None = None,
    epochs: float | None = None,
) -> tuple[Ask, str]:
    """Return what is decided for, and the currency; the arguments are those of `build_report`."""
    price, currency = price_of(results, price_per_worker_hour, currency)
    ask = Ask(
        aim=parse_aim(aim, currency),
        price_per_worker_hour=price,
        max_workers=max_workers,
        target=asked_target(results, target),
        epochs=epochs,
    )
    return ask, currency


def price_of(
    results: Results, price_per_worker_hour: float | None = None, currency: str | None = None
) -> tuple[float | None, str]:
    """Return money per worker and hour, and its currency: as given, else as configured."""
    config = config_of(results.sweep.config_json)
    if price_per_worker_hour is None:
        price_per_worker_hour = config.get("price_per_worker_hour")
    return price_per_worker_hour, currency or config.get("currency") or "USD"
