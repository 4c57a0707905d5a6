"""Analysed sweeps and their reports, the newest asked for kept in memory.

An analysis takes up to seconds of one core, so that only one runs at a time; a page never waits
long for it, and shows the report when it is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final
from urllib.parse import quote

from ray_bench.report.drawing.tokens import Theme
from ray_bench.serve.kept import Kept, result_or_later
from ray_bench.serve.wish import Wish
from ray_bench.store import ResultsStore
from ray_bench.store.answers import AnswerRecord

if TYPE_CHECKING:
    from ray_bench.analysis.study import Study
    from ray_bench.records import Results, RunRecord
    from ray_bench.report.model import Report

#: A comparison takes up to six at once (`pages.compare`), and others look meanwhile.
_MOST_SWEEPS, _MOST_REPORTS, _MOST_CHARTS = 8, 12, 64
_LONG_S = 120.0


@dataclass(frozen=True, slots=True)
class Analysed:
    """A sweep and its curves.

    Attributes:
        results: What is stored of it.
        attempts: All attempts of its runs.
        studies: Its curves, analysed as far as somebody asked.
        lock: Whoever asks them for more holds it.
    """

    results: Results
    attempts: tuple[RunRecord, ...]
    studies: tuple[Study, ...]
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(frozen=True, slots=True)
class Made:
    """A report, and its body as HTML for the service's page.

    Attributes:
        report: What it says.
        body: All of it but the heading.
        address: Returns where a chart is, by its key and colours.
    """

    report: Report
    body: str
    address: Callable[[str, Theme], str]


@final
class Studies:
    """Reports of sweeps by what was asked of them.

    Args:
        store: The results.
        version_of: Returns a text that changes when anything of a sweep changes.
        learn: Told the answer of every report for the usual aim.
    """

    def __init__(
        self,
        store: ResultsStore,
        version_of: Callable[[str], str],
        learn: Callable[[AnswerRecord], object] | None = None,
    ) -> None:
        self._store = store
        self._learn = learn
        self._version_of = version_of
        self._pools = tuple(
            ThreadPoolExecutor(1, thread_name_prefix=name)
            for name in ("analysis", "report", "chart", "attempts")
        )
        self._analysed: Kept[tuple[str, str], Analysed] = Kept(_MOST_SWEEPS, self._pools[0])
        self._attempts: Kept[tuple[str, str], tuple[RunRecord, ...]] = Kept(
            _MOST_SWEEPS, self._pools[3]
        )
        self._reports: Kept[tuple[str, str, Wish], Made] = Kept(_MOST_REPORTS, self._pools[1])
        self._charts: Kept[tuple[str, str, Wish, str, Theme], str | None] = Kept(
            _MOST_CHARTS, self._pools[2]
        )

    def attempts(self, sweep_id: str) -> tuple[RunRecord, ...]:
        """Return every attempt of every run of a sweep, oldest first."""
        key = (sweep_id, self._version_of(sweep_id))
        begun = self._attempts.begin(key, lambda: self._store.attempts(sweep_id))
        return result_or_later(begun, _LONG_S)

    def analysed(self, sweep_id: str) -> Future[Analysed]:
        """Return a sweep's curves, or when they are there."""
        key = (sweep_id, self._version_of(sweep_id))
        return self._analysed.begin(key, lambda: self._analyse(sweep_id))

    def report(self, sweep_id: str, wish: Wish) -> Future[Made]:
        """Return a sweep's report, or when it is there."""
        key = (sweep_id, self._version_of(sweep_id), wish)
        return self._reports.begin(key, lambda: self._make(sweep_id, wish))

    def chart(self, sweep_id: str, wish: Wish, name: str, theme: Theme) -> Future[str | None]:
        """Return a chart of a report as SVG, or when it is there; of None there is no such one."""
        key = (sweep_id, self._version_of(sweep_id), wish, name, theme)
        return self._charts.begin(key, lambda: self._draw(sweep_id, wish, name, theme))

    def close(self) -> None:
        """Begin nothing more."""
        for pool in self._pools:
            pool.shutdown(wait=False, cancel_futures=True)

    def _analyse(self, sweep_id: str) -> Analysed:
        from ray_bench.analysis.study import studies
        from ray_bench.report.model import ask_of

        results = self._store.read(sweep_id)
        ask, _ = ask_of(results)
        return Analysed(results, self._store.attempts(sweep_id), studies(results, ask))

    def _make(self, sweep_id: str, wish: Wish) -> Made:
        from ray_bench.report.html import parts
        from ray_bench.report.kept import answer_record
        from ray_bench.report.model import ask_of, build_report

        found = self.analysed(sweep_id).result()
        with found.lock:
            ask, _ = ask_of(found.results, **wish.asked)
            report = build_report(
                found.results,
                analysed=tuple(x.asking(ask) for x in found.studies),
                attempts=found.attempts,
                **wish.asked,
            )
        if self._learn is not None and wish == Wish() and report.screens:
            self._learn(answer_record(report, found.results))
        place = f"/sweeps/{quote(sweep_id, safe='')}/charts"
        ends = wish.query or "?"

        def address(key: str, theme: Theme) -> str:
            return f"{place}/{quote(key, safe='')}.svg{ends}{'&' * (ends != '?')}theme={theme}"

        new = f"/new?from={quote(sweep_id, safe='')}"
        return Made(report, parts.body(report, address, new), address)

    def _draw(self, sweep_id: str, wish: Wish, name: str, theme: Theme) -> str | None:
        from ray_bench.report import charts
        from ray_bench.report.files import pictures_of

        report = self.report(sweep_id, wish).result().report
        found = next((x for x in pictures_of(report) if x.key == name), None)
        return None if found is None else charts.svg(found, theme)
