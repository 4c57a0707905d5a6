"""One sweep of results; everything is computed when it is first asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack, final

from ray_bench.analysis.decision.advice import Ask, Decision
from ray_bench.analysis.per_run import PerRun, per_run
from ray_bench.analysis.study import Study, studies
from ray_bench.api import frames
from ray_bench.api.charts import Charts
from ray_bench.api.notebook import page
from ray_bench.errors import AnalysisError
from ray_bench.journals.collect import collect
from ray_bench.records import Results
from ray_bench.report.model import Report, ask_of, build_report
from ray_bench.report.screens.numbers_table import report_tables
from ray_bench.store import ResultsStore
from ray_bench.store.export import TIDY, tidy_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Options(TypedDict, total=False):
    """What to decide for, as of `ray-bench report`."""

    aim: str  # fastest, cheapest, balanced, deadline=30min, budget=5USD or efficiency=0.8
    price_per_worker_hour: float | None  # None: that of the sweep's configuration
    currency: str | None
    max_workers: int | None  # predicted world sizes up to here may be recommended too
    target: str | float | None  # `val_loss<=0.3`; a number is a validation accuracy, from 0 to 1
    epochs: float | None  # of the run that is planned; None: as many as were measured


def load_sweep(folder: str | Path, sweep: str | None, options: Options) -> SweepResults:
    """Read a sweep; see `ray_bench.load`."""
    store = ResultsStore(folder)
    for note in collect(store).notes:
        logging.getLogger(__name__).warning(note)
    results = SweepResults(store, store.read(sweep), options)
    results.ask_for()  # an aim that cannot be read is said at once
    return results


@final
class SweepResults:
    """One sweep, finished or not: what was measured, and what follows from it.

    Frames are those of pandas; a column's unit is the end of its name: `_s` seconds, `_frac` a
    fraction from 0 to 1, `_bytes`, `_samples_per_s`. `_low` and `_high` are 95 % intervals.
    Unknown is missing, never 0. `curve` numbers the groups of comparable runs, from 1; most sweeps
    have one.
    """

    def __init__(
        self,
        store: ResultsStore,
        records: Results,
        options: Options,
        before: SweepResults | None = None,  # the same sweep, asked for something else
    ) -> None:
        self._store = store
        self._options = options
        self._before = before
        self.records = records

    @property
    def sweep_id(self) -> str:
        """The id of this sweep."""
        return self.records.sweep.sweep_id

    @cached_property
    def sweeps(self) -> tuple[str, ...]:
        """Ids of all sweeps in the folder, oldest first; each can be given to `ray_bench.load`."""
        return tuple(sweep.sweep_id for sweep in self._store.sweeps())

    def ask(self, **options: Unpack[Options]) -> SweepResults:
        """Return the same sweep, asked for something else, e.g. `ask(aim="deadline=30min")`.

        Args:
            **options: In place of those that it was loaded with; the others stay.
        """
        changed: Options = {**self._options, **options}
        results = SweepResults(self._store, self.records, changed, before=self._before or self)
        results.ask_for()
        return results

    def ask_for(self) -> Ask:
        """Return what is decided for, prices and defaults filled in."""
        return ask_of(self.records, **self._options)[0]

    @cached_property
    def studies(self) -> tuple[Study, ...]:
        """Every group of comparable runs, analysed; the one with most world sizes first."""
        ask = self.ask_for()
        if self._before is not None:
            return tuple(study.asking(ask) for study in self._before.studies)
        return studies(self.records, ask)

    @property
    def study(self) -> Study:
        """The group with most world sizes.

        Raises:
            AnalysisError: If no valid run has finished.
        """
        if not self.studies:
            raise AnalysisError(
                f"Sweep {self.sweep_id} has no valid run that finished; `.report` lists the causes."
            )
        return self.studies[0]

    @cached_property
    def report(self) -> Report:
        """What `ray-bench report` says: title, answer, flags, sections, tables, pictures."""
        return build_report(self.records, analysed=self.studies, **self._options)

    @property
    def answer(self) -> str:
        """The answer in words."""
        return self.report.answer

    @property
    def decision(self) -> Decision:
        """The recommended world size, how surely it is right, and what to measure next."""
        return self.study.decision

    @property
    def runs(self) -> pd.DataFrame:
        """One row a run: the point, outcome, environment, speedup, efficiency, time and cost.

        The table `tidy` of `ray-bench export`; docs/export.md explains its columns.
        """
        return frames.frame_of(self.arrow(TIDY))

    @property
    def speedups(self) -> pd.DataFrame:
        """One row a curve and world size: throughput, speedup, efficiency and serial share."""
        return frames.speedups(self.studies)

    @property
    def fits(self) -> pd.DataFrame:
        """One row a curve and scaling law: how well it predicts, its weight and parameters."""
        return frames.fits(self.studies)

    @property
    def predictions(self) -> pd.DataFrame:
        """One row a curve and world size: the forecast, and what was measured beside it."""
        return self.predict()

    def predict(self, world_sizes: Sequence[int] | None = None) -> pd.DataFrame:
        """Return the forecast at some world sizes, as `predictions`.

        Args:
            world_sizes: Ranks; by default 2 to 64 in doublings, and the measured ones. One that
                leaves less than a sample for a worker has no forecast.

        Returns:
            Frame without rows where no law could be fitted, or where there are no intervals.
        """
        return frames.predictions(self.studies, world_sizes)

    @cached_property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every table of the report by key, in full precision; units in `.attrs["units"]`."""
        found = report_tables(self.report)
        return {table.key: frames.frame_of_table(table) for table in found}

    @property
    def charts(self) -> Charts:
        """The charts of the report by key, e.g. `charts["speedup"]`; they show themselves."""
        return Charts(self.report.pictures)

    def table(self, name: str) -> pd.DataFrame:
        """Return a stored table of this sweep, e.g. "blocks"; docs/results.md has the columns."""
        return frames.frame_of(self.arrow(name))

    def arrow(self, name: str = TIDY) -> pa.Table:
        """Return a stored table, or `tidy`, as an Arrow table with units in its metadata."""
        if name != TIDY:
            return self._store.arrow(name, self.sweep_id)
        ask, currency = ask_of(self.records, **self._options)
        rows = per_run(self.records, self.studies, ask.price_per_worker_hour, currency)
        return tidy_table(self.records, PerRun, rows)

    def __repr__(self) -> str:
        return f"<ray_bench results of sweep {self.sweep_id}, {len(self.records.runs)} runs>"

    def _repr_html_(self) -> str:
        return page(self.report)
