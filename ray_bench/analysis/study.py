"""One group of comparable runs: what was measured, the laws fitted to it, and the decision.

Each of the three needs only those before it, and is computed when it is asked for: a page that
shows another aim fits no law again.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import final

from ray_bench.analysis.decision.advice import Ask, Decision, decide
from ray_bench.analysis.decision.options import Measured
from ray_bench.analysis.decision.prospect import Prospect
from ray_bench.analysis.decision.target import convergence, default_target
from ray_bench.analysis.fit.forecast import CurveFit, fit_curve
from ray_bench.analysis.fit.points import Points, points_of
from ray_bench.analysis.fit.serial import SerialLaw, serial_law
from ray_bench.analysis.groups import Group, groups_of
from ray_bench.analysis.long_tables import LongTables
from ray_bench.analysis.nodes import workers_per_node
from ray_bench.analysis.observed import Observed
from ray_bench.analysis.parity.to_target import ToTarget, common_loss, to_target
from ray_bench.analysis.predict import Prediction, predictions
from ray_bench.config.metric_target import MetricTarget
from ray_bench.records import Results


@final
class Study(Observed):
    """The results of one group. Rows are in ascending order of world size.

    Args:
        group: Comparable runs.
        results: The sweep that they are of.
        tables: Its long tables, which all groups share.
        ask: What `decision` decides for.
    """

    def __init__(self, group: Group, results: Results, tables: LongTables, ask: Ask) -> None:
        super().__init__(group, results, tables)
        self.ask = ask
        self._prospects: dict[tuple[object, ...], Prospect] = {}

    @cached_property
    def law(self) -> SerialLaw | None:
        """Amdahl's or Gustafson's law; None with fewer than two world sizes with a claim."""
        return serial_law(self._points) if self._points else None

    @cached_property
    def fit(self) -> CurveFit | None:
        """The laws; None with fewer than two world sizes that carry a claim."""
        return fit_curve(self._points, is_unit_sure=True) if self._points else None

    @cached_property
    def predictions(self) -> tuple[Prediction, ...]:
        """What the laws say of the usual world sizes."""
        if self.fit is None:
            return ()
        return predictions(self.fit, self.rows, self.scaling, self.batch_size)

    @cached_property
    def decision(self) -> Decision:
        """What to do for what was asked."""
        return self.decide(self.ask)

    @cached_property
    def to_target(self) -> ToTarget | None:
        """What the target takes: the one asked for, else what every run reached, else its loss.

        None in a ladder, which learns nothing, and where no run was evaluated.
        """
        target = self.decision.target or common_loss(self.trained, self.histories)
        if target is None or self.is_ladder:
            return None
        return to_target(
            self.trained,
            self.histories,
            target,
            self.curve,
            self.clean_sizes,
            self.timed_ids,
            self.part_curve,
        )

    def decide(self, ask: Ask) -> Decision:
        """Return the decision for another wish; nothing is measured or fitted again."""
        target = ask.target or self._default_target
        return decide(
            self._prospect(ask, target),
            ask,
            target=target,
            num_sizes=len(self.group.world_sizes),
            num_clean=len(self.clean_sizes),
        )

    def asking(self, ask: Ask) -> Study:
        """Return the same study for another wish; it shares what a decision needs."""
        _ = self.decision
        other = copy.copy(self)
        for name in ("decision", "to_target"):
            other.__dict__.pop(name, None)
        other.ask = ask
        return other

    @cached_property
    def _points(self) -> Points | None:
        if len(self.clean.sizes) < 2:
            return None
        held = workers_per_node(self.claimed, self._results.environments)
        return points_of(self.clean.throughput, self.scaling, workers_per_node=held)

    @cached_property
    def _default_target(self) -> MetricTarget | None:
        return default_target(self.group.runs, self._tables.histories)

    def _prospect(self, ask: Ask, target: MetricTarget | None) -> Prospect:
        """Return what can be had; that of the wish before is kept, which mostly fits."""
        to_target = ask.target is not None
        key = (ask.max_workers, ask.epochs, target, to_target)
        if key not in self._prospects:
            data = self._measured(target)
            made = Prospect(
                data, max_workers=ask.max_workers, epochs=ask.epochs, to_target=to_target
            )
            self._prospects = {key: made}
        return self._prospects[key]

    def _measured(self, target: MetricTarget | None) -> Measured:
        runs, found = self.trained, self._tables.histories
        failed = {run.point.world_size for run in self._results.failed_runs}
        return Measured(
            curve=self.clean,
            fit=self.fit,
            times=self.times,
            resources=self.resources,
            convergence=convergence(runs, found, target, self.timed_ids) if target else {},
            scaling=self.scaling,
            batch_size=self.batch_size,
            num_train_samples=self.first.num_train_samples,
            is_ladder=self.is_ladder,
            failed_sizes=frozenset(failed - {*self.group.world_sizes}),
        )


def studies(results: Results, ask: Ask | None = None) -> tuple[Study, ...]:
    """Return every group of comparable runs to study, the one with most world sizes first.

    Args:
        results: One sweep.
        ask: What to decide for; by default a balance of time and money.
    """
    tables = LongTables(results)
    return tuple(Study(group, results, tables, ask or Ask()) for group in groups_of(results))
