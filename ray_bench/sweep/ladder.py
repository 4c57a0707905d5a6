"""A sweep's ladder: which rounds are still to make, and where the reason for stopping goes."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime

from ray_bench.config.rounds import ladder_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.launch.ladder import Decided
from ray_bench.measure.commit import git_commit
from ray_bench.records import StopRecord
from ray_bench.stats.stopping import Decision
from ray_bench.store import ResultsStore
from ray_bench.sweep.plan import Plan
from ray_bench.sweep.rounds import stop_rule
from ray_bench.train.requests import LadderRequest


def ladder_request(config: SweepConfig, plan: Plan) -> LadderRequest | None:
    """Return what is left of a sweep's ladder, None if that is nothing.

    A round that was cut short is made again as a whole: its turns belong together.
    """
    rule = stop_rule(config.stop, min_rounds=config.ladder.rounds)
    if plan.has_stopped:
        return None
    planned = ladder_runs(config, rule.max_rounds if rule else None)
    finished = {run.run_id for run in plan.finished}
    by_round = [tuple(turns) for _, turns in itertools.groupby(planned, lambda run: run.repeat)]
    rounds = tuple(r for r in by_round if not finished.issuperset(run.run_id for run in r))
    if not rounds:
        return None
    return LadderRequest(
        rounds=rounds,
        config=config,
        sweep_id=plan.sweep.sweep_id,
        ladder_id=f"{plan.sweep.sweep_id}-{uuid.uuid4().hex[:6]}",
        attempts=plan.attempts,
        started_at_utc=datetime.now(UTC),
        commit=git_commit(),
        rule=rule,
    )


def storing_decision(store: ResultsStore) -> Decided:
    """Return what stores why a ladder with a stop rule has ended."""

    def decided(ladder: LadderRequest, decision: Decision) -> None:
        if decision.reason is None or ladder.rule is None:
            return
        store.write_stop(
            StopRecord(
                sweep_id=ladder.sweep_id,
                reason=decision.reason,
                num_repeats=decision.num_rounds,
                half_width_frac=decision.half_width_frac,
                wanted_half_width_frac=ladder.rule.half_width_frac,
                stopped_at_utc=datetime.now(UTC),
            )
        )

    return decided
