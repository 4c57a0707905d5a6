"""What faults cost: attempts that came to nothing, beside runs that nothing disturbed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.disturbances import Disturbance
from ray_bench.report.cells import Table
from ray_bench.report.fields import Field, rows_table


@dataclass(frozen=True, slots=True)
class Money:
    """The price of a worker-hour; None where it is not known."""

    price_per_worker_hour: float | None
    currency: str


def fault_tables(found: Sequence[Disturbance], money: Money) -> tuple[Table, ...]:
    """Return what a sweep's attempts that came to nothing cost; no table without one."""
    if not found:
        return ()
    price = money.price_per_worker_hour
    fields: tuple[Field[Disturbance], ...] = (
        Field("run_id", "Run", None, None, lambda x: x.run.run_id),
        Field("attempt", "Attempt", "count", None, lambda x: x.run.attempt),
        Field("status", "Status", None, None, _status),
        Field("cause", "Cause", None, None, lambda x: x.run.error_type or "-"),
        Field("steps", "Steps", "count", None, lambda x: x.num_steps),
        Field("worker_time", "Worker-time", "worker_s", "measured", lambda x: x.worker_s),
        Field("share", "Of an undisturbed run", "frac", "derived", lambda x: x.frac),
        Field("cost", "Cost", "money", "derived", lambda x: x.cost(price), money.currency),
    )
    return (rows_table("fault_costs", "What faults cost", fields, found, (_total(found),)),)


def _status(lost: Disturbance) -> str:
    return "stalled" if lost.run.is_finished else lost.run.status


def _total(found: Sequence[Disturbance]) -> str:
    seconds = sum(x.worker_s for x in found)
    return (
        f"{len(found)} attempt{'s' * (len(found) != 1)} came to nothing, {seconds:,.0f} "
        "worker-seconds in all, start-up included and waiting for places not."
    )
