"""What faults cost: attempts that came to nothing, beside runs that nothing disturbed."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.disturbances import Disturbance, disturbances
from ray_bench.records import RunRecord
from ray_bench.report.cells import Cell, Section, asked, number, table, text

_COLUMNS = {
    "run_id": "Run",
    "attempt": "Attempt",
    "status": "Status",
    "cause": "Cause",
    "steps": "Steps",
    "worker_time": "Worker-time",
    "share": "Of an undisturbed run",
    "cost": "Cost",
}


def fault_section(
    attempts: Sequence[RunRecord],
    *,
    price_per_worker_hour: float | None,
    currency: str,
) -> tuple[Section, ...]:
    """Return what a sweep's attempts that came to nothing cost; no section without one.

    Args:
        attempts: All attempts of all runs.
        price_per_worker_hour: None where it is not known.
        currency: Of the price.
    """
    found = disturbances(attempts)
    if not found:
        return ()
    rows = [_row(x, price_per_worker_hour, currency) for x in found]
    lost = table(
        "fault_costs", "What faults cost", _COLUMNS, rows, (_total(found),),
        optional=("steps", "cost"),
    )  # fmt: skip
    return (Section("faults", "Faults", tables=(lost,)),)


def _row(lost: Disturbance, price: float | None, currency: str) -> tuple[Cell, ...]:
    run, money = lost.run, lost.cost(price)
    return (
        text(run.run_id),
        asked(run.attempt),
        text("stalled" if run.is_finished else run.status),
        text(run.error_type or "-"),
        number(lost.num_steps, "count"),
        number(lost.worker_s, "worker_s"),
        number(lost.frac, "frac", "derived"),
        Cell(money, "money", None if money is None else "derived", currency=currency),
    )


def _total(found: Sequence[Disturbance]) -> str:
    seconds = sum(x.worker_s for x in found)
    return (
        f"{len(found)} attempt{'s' * (len(found) != 1)} came to nothing, {seconds:,.0f} "
        "worker-seconds in all, start-up included and waiting for places not."
    )
