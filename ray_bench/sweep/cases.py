"""The sweeps of `ray-bench selfcheck`: a ladder of every planted case, in one group of workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, final

from ray_bench.config.planted import planted_config
from ray_bench.records import NetworkRecord, PlannedRun, RunData, SweepRecord
from ray_bench.store import ResultsStore
from ray_bench.sweep.ladder import ladder_request
from ray_bench.sweep.plan import new_plan

if TYPE_CHECKING:
    from ray_bench.launch.words import RankWords


def measure_cases(
    cases: Sequence[str], store: ResultsStore, address: str | None, say: Callable[[str], None]
) -> Mapping[str, str]:
    """Make a ladder of each case in one group of workers; return the sweep ids by case."""
    from ray_bench.launch.ladder import run_ladders

    plans, ladders = {}, []
    for case in cases:
        config = planted_config(case)
        plans[case] = new_plan(config, store, "ray-bench selfcheck")
        ladder = ladder_request(config, plans[case])
        assert ladder is not None, "a new plan has everything to do"
        ladders.append(ladder)
    by_sweep = {plan.sweep.sweep_id: case for case, plan in plans.items()}
    say(f"Starting {max(x.points[-1].world_size for x in ladders)} workers.")
    listener = _CaseListener(store, by_sweep, [plan.sweep for plan in plans.values()], say)
    run_ladders(ladders, address=address, listener=listener, decided=lambda *_: None)
    return {case: plan.sweep.sweep_id for case, plan in plans.items()}


@final
class _CaseListener:
    """Stores every turn, and says which case has begun."""

    def __init__(
        self,
        store: ResultsStore,
        cases: Mapping[str, str],
        sweeps: Sequence[SweepRecord],
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._cases = cases  # by sweep id
        self._sweeps = sweeps
        self._say = say
        self._begun: set[str] = set()

    def joined(self) -> None:
        """Write down what is to run."""
        for sweep in self._sweeps:
            self._store.write_sweep(sweep)

    def run_started(self, planned: PlannedRun) -> None:
        """Turns are too short to be told one by one."""

    def rank_told(self, planned: PlannedRun, words: RankWords) -> None:
        """The same."""

    def run_finished(self, data: RunData) -> None:
        """Store a turn."""
        self._store.write_run(data)
        run = data.run
        if not run.is_finished:
            self._say(f"{self._cases[run.sweep_id]}: {run.status}: {run.error_message}")
        elif run.sweep_id not in self._begun:
            self._begun.add(run.sweep_id)
            number = f"[{len(self._begun)}/{len(self._cases)}]"
            self._say(f"{number} {self._cases[run.sweep_id]}")

    def network_measured(self, records: Sequence[NetworkRecord]) -> None:
        """No case asks for it."""

    def network_failed(self, reason: str) -> None:
        """No case asks for it."""

    def note(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def stopping(self) -> None:
        """Say that it is ending."""
        self._say("Stopping. Again to stop at once.")

    def head_lost(self, reason: str) -> None:
        """Say it; the check has to be made again."""
        self._say(reason)
