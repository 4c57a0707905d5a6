"""A sweep from its request to its stored runs: check, measure, store."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ray_bench.config.schema import SweepConfig
from ray_bench.records import PlannedRun
from ray_bench.store import ResultsStore
from ray_bench.store.labels import Labels
from ray_bench.store.stop_note import forget_stop
from ray_bench.sweep.board import StopAskedError, announcement
from ray_bench.sweep.budget import AffordableRuns, Budget, Spending, parse_budget
from ray_bench.sweep.budgeted import Alarm, BudgetListener, ended_by
from ray_bench.sweep.estimate import Estimates, earlier_runs
from ray_bench.sweep.keep_live import kept_live
from ray_bench.sweep.listener import StoringListener
from ray_bench.sweep.live import LiveSweep
from ray_bench.sweep.plan import Plan
from ray_bench.sweep.progress import SweepProgress
from ray_bench.sweep.request import SweepRequest
from ray_bench.sweep.requested import Resolved, requested_plan, resolve
from ray_bench.sweep.rounds import FurtherRounds, check_stop, stop_rule
from ray_bench.sweep.script import check_script
from ray_bench.sweep.viewer import Viewer, Voice
from ray_bench.trackers.base import Tracker
from ray_bench.trackers.chosen import chosen_trackers
from ray_bench.trackers.entry import Entries
from ray_bench.trackers.tracking import Tracking

if TYPE_CHECKING:
    from ray_bench.launch.listener import SweepListener


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep that can be measured: what was asked for, what is to run, where it goes."""

    request: SweepRequest
    config: SweepConfig  # with its data found
    plan: Plan
    store: ResultsStore
    voice: Voice  # of the store
    live: LiveSweep
    trackers: tuple[Tracker, ...]
    budget: Budget | None = None

    @property
    def sweep_id(self) -> str:
        """Its name in the store."""
        return self.plan.sweep.sweep_id

    @property
    def progress(self) -> SweepProgress:
        """What became of its runs so far."""
        return self.live.progress

    @property
    def num_kept(self) -> int:
        """Runs in the store that need not run again."""
        return len(self.store.finished_run_ids(self.sweep_id))

    def what_is_kept(self) -> str:
        """Return what is in the store, and how to go on."""
        return (
            f"Stopped: {self.num_kept} of {self.progress.num_planned} runs are kept in "
            f"{self.store.root}. Continue with:\n  {self.request.command(resume=True)}"
        )

    def measure(self, viewer: Viewer) -> None:
        """Run what is to run, and store every run as it ends.

        Raises:
            RayBenchError: If it cannot go on; what has finished is stored.
            KeyboardInterrupt: On Ctrl-C or SIGTERM; the same.
        """
        with (
            self.voice.through(viewer.note),
            kept_live(self.store, self.sweep_id, self.live, viewer.note),
            self._tracking(viewer.note) as tracking,
        ):
            listener = StoringListener(
                self.store,
                self.sweep_id,
                self.live,
                viewer,
                tracking,
                kept=self.what_is_kept,
                joined=lambda: self._begin(viewer.note),
            )
            try:
                self._make(listener)
            except StopAskedError:
                viewer.note("Stopping, as was asked; the run before this was the last.")
                raise KeyboardInterrupt from None

    def _make(self, listener: StoringListener) -> None:
        if self.config.interleaved:
            self._climb(listener)
        elif self.budget is not None:
            self._run_within(self.budget, listener)
        else:
            self._run(listener, self.plan.todo, self._further())

    def _begin(self, say: Callable[[str], None]) -> None:
        """Write down what is to run, what it takes over, and what it is called if that was said."""
        plan = self.plan
        if plan.extends is not None:
            self.store.take_over(plan.stored, plan.extends)
        if not plan.is_resumed:
            self.store.write_sweep(plan.sweep)
        forget_stop(self.store, self.sweep_id)
        said = announcement(self.sweep_id)
        if said is not None:
            say(said)
        labels = self.request.labels
        if labels != Labels():
            self.store.label(self.sweep_id, name=labels.name, note=labels.note, added=labels.tags)

    def _tracking(self, say: Callable[[str], None]) -> Tracking:
        entries = Entries(
            price_per_worker_hour=self.config.price_per_worker_hour,
            currency=self.config.currency,
            finished=self.plan.finished,
        )
        return Tracking(self.trackers, entries, say, at_end=self.config.interleaved)

    def _run_within(self, budget: Budget, listener: StoringListener) -> None:
        """Make the runs that the budget can pay, those that tell most first."""
        before = earlier_runs(self.store, self.config)

        def estimates() -> Estimates:
            return Estimates(self.config, [*before, *self.store.runs(self.sweep_id)])

        spending, alarm = Spending(budget), Alarm()
        runs = AffordableRuns(self.plan.todo, spending, budget, estimates, self._further())
        with ended_by(alarm):
            self._run(BudgetListener(listener, spending, alarm), (), runs.next)

    def _run(
        self,
        listener: SweepListener,
        todo: Sequence[PlannedRun],
        further: Callable[[], Sequence[PlannedRun]] | None,
    ) -> None:
        """Make every run in a process group of its own."""
        todo = todo or (further() if further is not None else ())
        if not todo:
            return
        from ray_bench.launch.sweep import run_sweep as launch

        launch(
            self._network_once(),
            todo,
            sweep_id=self.sweep_id,
            attempts=self.plan.attempts,
            address=self.request.address,
            listener=listener,
            more=further,
        )

    def _climb(self, listener: StoringListener) -> None:
        """Make a ladder: all world sizes take turns in one group of workers."""
        if self.plan.has_stopped or not (self.plan.todo or self.config.stop.half_width):
            return
        from ray_bench.launch.ladder import run_ladders
        from ray_bench.sweep.ladder import ladder_request, storing_decision

        ladder = ladder_request(self._network_once(), self.plan)
        if ladder is not None:
            run_ladders(
                [ladder],
                address=self.request.address,
                listener=listener,
                decided=storing_decision(self.store),
            )

    def _network_once(self) -> SweepConfig:
        """Return the configuration of a resumed sweep without the network that it knows already."""
        config = self.config
        if not config.measure.network or self.sweep_id not in self.store.network_ids():
            return config
        measure = config.measure.model_copy(update={"network": False})
        return config.model_copy(update={"measure": measure})

    def _further(self) -> Callable[[], Sequence[PlannedRun]] | None:
        """Return what gives further repeats; None without a stop rule, or where it has stopped."""
        config = self.config
        rule = stop_rule(config.stop, min_rounds=config.repeats)
        if rule is None or self.plan.has_stopped or config.interleaved:
            return None
        return FurtherRounds(rule, config, self.plan, self.store, self.live.extend).next


def prepare(request: SweepRequest, say: Callable[[str], None]) -> Sweep:
    """Check what can be checked before a cluster is there.

    Args:
        request: What is asked for.
        say: Told what the user should know before the start, a sentence at a time.

    Raises:
        RayBenchError: If it cannot start.
    """
    resolved = resolve(request.source, request.settings)
    check_stop(resolved.config)
    if not joins_cluster(request.address):
        check_script(resolved.config)
    voice = Voice(say)
    store = ResultsStore(request.results, say=voice)
    store.check_writable()
    trackers = chosen_trackers(resolved.config.trackers, store)
    config = _with_data_found(resolved, joins_cluster=joins_cluster(request.address))
    budget = None if request.budget is None else parse_budget(request.budget, resolved.config)
    plan = requested_plan(request, resolved.config, store, say)
    labels = request.labels
    store.check_label(plan.sweep.sweep_id, name=labels.name, note=labels.note, added=labels.tags)
    concurrent = config.launch.max_concurrent
    progress = SweepProgress(plan.planned, plan.finished, max_concurrent=concurrent)
    return Sweep(
        request=request,
        config=config,
        plan=plan,
        store=store,
        voice=voice,
        live=LiveSweep(plan.sweep.sweep_id, progress),
        trackers=trackers,
        budget=budget,
    )


def run_sweep(request: SweepRequest, viewer: Viewer) -> Sweep:
    """Measure what is asked for and store it; return the sweep, with what became of its runs.

    Raises:
        RayBenchError: If it cannot start, or cannot go on.
        KeyboardInterrupt: On Ctrl-C or SIGTERM; what has finished is stored.
    """
    sweep = prepare(request, viewer.note)
    sweep.measure(viewer)
    return sweep


def joins_cluster(address: str | None) -> bool:
    """Tell whether the workers may run on other hosts than this one."""
    return bool(address or os.environ.get("RAY_ADDRESS"))


def _with_data_found(resolved: Resolved, *, joins_cluster: bool) -> SweepConfig:
    """Find the training data before Ray starts, and say where it is: workers run elsewhere.

    On a cluster a given `data.dir` may exist on the workers alone; they say so if it does not.
    """
    config, dataset = resolved.config, resolved.info.dataset
    if dataset is None or (joins_cluster and config.data.dir is not None):
        return config
    from ray_bench.workloads.datasets import locate

    pinned = locate(dataset, config.data).pinned(config.data)
    return config.model_copy(update={"data": pinned})
