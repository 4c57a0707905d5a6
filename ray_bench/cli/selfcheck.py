"""`ray-bench selfcheck`: plant what slows a training, and see whether it is found."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, final

import typer

from ray_bench.cli.options import Address, TableForm, TableFormat

if TYPE_CHECKING:
    from ray_bench.analysis.selfcheck import Check
    from ray_bench.records import NetworkRecord, PlannedRun, RunData
    from ray_bench.store import ResultsStore

HELP = """Check the instrument itself: plant what slows a training, and see whether it is found.

Six small ladders of the workload `emulated` (the accelerator is emulated by sleeping, the gradient
all-reduce is real) go through the whole product: Ray Train, Ray Tune, Parquet and the analysis. One
has nothing planted; the others serial time, a slow loader, a slow rank, a slow network, and
contention. The table has what was planted beside what was recovered. About four minutes on two
cores; on a busy machine the emulation itself is disturbed.

\b
Examples:
  ray-bench selfcheck
  ray-bench selfcheck --case "slow network" --results checks
  ray-bench selfcheck --format json

Exit code: 0 everything was recovered, 1 something was not, 130 interrupted.
"""


def selfcheck(
    case: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", show_default=False, help="Only this case; may be given several times."
        ),
    ] = None,
    results: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="Keep what was measured here, each case a sweep. Not given: it is thrown away.",
        ),
    ] = None,
    address: Address = None,
    form: TableForm = TableFormat.TERMINAL,
) -> None:
    """Check the instrument."""
    from ray_bench.config.planted import CASES
    from ray_bench.errors import ConfigError

    cases = case or list(CASES)
    unknown = [name for name in cases if name not in CASES]
    if unknown:
        raise ConfigError(f"There is no case {unknown[0]!r}; there are {', '.join(CASES)}.")
    with ExitStack() as stack:
        root = results or stack.enter_context(tempfile.TemporaryDirectory(prefix="ray_bench-"))
        checks = _checks(cases, root, address)
    typer.echo(_json(checks) if form is TableFormat.JSON else _table(checks))
    if not all(check.is_passed for check in checks):
        raise typer.Exit(1)


def _checks(cases: Sequence[str], root: str, address: str | None) -> list[Check]:
    from ray_bench.analysis.selfcheck import check_case
    from ray_bench.config.planted import planted_config
    from ray_bench.store import ResultsStore

    store = ResultsStore(root)
    store.check_writable()
    sweeps = _measure(cases, store, address)
    return [
        check
        for case in cases
        for check in check_case(case, planted_config(case), store.read(sweeps[case]))
    ]


def _measure(cases: Sequence[str], store: ResultsStore, address: str | None) -> Mapping[str, str]:
    """Make a ladder of each case in one group of workers; return the sweep ids by case."""
    from ray_bench.cli.ladder import ladder_request
    from ray_bench.cli.plan import new_plan
    from ray_bench.config.planted import planted_config
    from ray_bench.launch.ladder import run_ladders

    plans, ladders = {}, []
    for case in cases:
        config = planted_config(case)
        plans[case] = new_plan(config, store, "ray-bench selfcheck")
        store.write_sweep(plans[case].sweep)
        ladder = ladder_request(config, plans[case])
        assert ladder is not None, "a new plan has everything to do"
        ladders.append(ladder)
    listener = _CaseListener(store, {plan.sweep.sweep_id: case for case, plan in plans.items()})
    typer.echo(f"Starting {max(x.points[-1].world_size for x in ladders)} workers.", err=True)
    run_ladders(ladders, address=address, listener=listener, decided=lambda *_: None)
    return {case: plan.sweep.sweep_id for case, plan in plans.items()}


@final
class _CaseListener:
    """Stores every turn, and says on stderr which case has begun."""

    def __init__(self, store: ResultsStore, cases: Mapping[str, str]) -> None:
        self._store = store
        self._cases = cases  # by sweep id
        self._begun: set[str] = set()

    def run_started(self, planned: PlannedRun) -> None:
        """Turns are too short to be told one by one."""

    def run_finished(self, data: RunData) -> None:
        """Store a turn."""
        self._store.write_run(data)
        run = data.run
        if not run.is_finished:
            typer.echo(f"{self._cases[run.sweep_id]}: {run.status}: {run.error_message}", err=True)
        elif run.sweep_id not in self._begun:
            self._begun.add(run.sweep_id)
            number = f"[{len(self._begun)}/{len(self._cases)}]"
            typer.echo(f"{number} {self._cases[run.sweep_id]}", err=True)

    def network_measured(self, records: Sequence[NetworkRecord]) -> None:
        """No case asks for it."""

    def network_failed(self, reason: str) -> None:
        """No case asks for it."""

    def stopping(self) -> None:
        """Say that it is ending."""
        typer.echo("Stopping. Again to stop at once.", err=True)


def _table(checks: Sequence[Check]) -> str:
    from ray_bench.cli.tables import text_table

    header = ("case", "quantity", "planted", "recovered", "allowed", "")
    rows = [
        (
            check.case,
            check.quantity,
            _cell(check.planted, check.unit),
            _cell(check.recovered, check.unit),
            "the same" if check.tolerance is None else f"+-{_cell(check.tolerance, check.unit)}",
            "ok" if check.is_passed else "NOT FOUND",
        )
        for check in checks
    ]
    num_failed = sum(not check.is_passed for check in checks)
    last = (
        "Everything that was planted was found."
        if num_failed == 0
        else f"{num_failed} of {len(checks)} were not found. On a busy machine try again when it "
        "is quiet; else do not trust what ray-bench says of this installation."
    )
    return f"{text_table(header, rows)}\n\n{last}"


def _cell(value: str | float | None, unit: str | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if unit == "s":
        return f"{value * 1e3:.2f} ms"
    if unit == "s/byte":
        return f"{value * 1e9:.0f} ns/byte"
    return f"{value:.4f}"


def _json(checks: Sequence[Check]) -> str:
    rows = [{**asdict(check), "is_passed": check.is_passed} for check in checks]
    return json.dumps({"passed": all(c.is_passed for c in checks), "checks": rows}, indent=2)
