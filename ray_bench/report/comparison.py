"""Two sweeps side by side, as a report: every renderer draws it like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ray_bench.analysis.comparison.compare import Comparison
from ray_bench.analysis.comparison.facts import Difference
from ray_bench.analysis.comparison.refusal import REASON_WORDS
from ray_bench.analysis.comparison.row import Metric, Row, Verdict
from ray_bench.analysis.resources import cost
from ray_bench.records import Results
from ray_bench.report.cells import (
    Cell,
    Kind,
    Section,
    Table,
    Unit,
    asked,
    estimate,
    number,
    table,
    text,
)
from ray_bench.report.comparison_screen import comparison_screen
from ray_bench.report.comparison_words import (
    change_cell,
    flags,
    next_steps,
    paid_words,
    plain,
    why,
)
from ray_bench.report.flags import in_words
from ray_bench.report.model import Report, price_of
from ray_bench.report.picture import Picture
from ray_bench.report.pictures.change import pictures
from ray_bench.report.screen import Fold
from ray_bench.stats.estimate import Estimate

_UNITS: dict[Metric, Unit] = {
    Metric.THROUGHPUT: "samples/s",
    Metric.SPEEDUP: "x",
    Metric.EFFICIENCY: "frac",
    Metric.SERIAL: "frac",
    Metric.TIME_TO_ACCURACY: "s",
    Metric.ACCURACY: "frac",
    Metric.COST: "worker_s",
    Metric.MEMORY: "bytes",
    Metric.ALPHA: "s",
    Metric.BETA: "s/byte",
}
_DERIVED = (Metric.TIME_TO_ACCURACY, Metric.COST)


def comparison_report(
    comparison: Comparison,
    base: Results,
    new: Results,
    *,
    price_per_worker_hour: float | None = None,
    currency: str | None = None,
    new_root: str | None = None,
) -> Report:
    """Return the report of a comparison.

    Args:
        comparison: Of the two sweeps.
        base: What it was.
        new: What it is now.
        price_per_worker_hour: Of both; by default that of the new sweep's configuration.
        currency: Of the price; by default that of the new sweep's configuration.
        new_root: Where the new sweep is stored, for commands.
    """
    price, money = price_of(new, price_per_worker_hour, currency)
    rows = _row_cells(comparison, price, money)
    steps, found = tuple(next_steps(comparison)), flags(comparison, base, new)
    screen = comparison_screen(
        comparison, base, new, found, steps, paid_words(price, money), new_root
    )
    sections = (
        Section("comparison", "Comparison", steps, (_gate(comparison), rows)),
        Section("differences", "What differs", tables=_differences(comparison)),
        Section("record", "The two sweeps", tables=(_sweeps(base, new),)),
    )
    drawn = pictures(comparison)
    return Report(
        title=f"Comparison: {screen.context[0]}",
        sweep_id=f"{base.sweep.sweep_id}..{new.sweep.sweep_id}",
        answer=why(comparison),
        flags=found,
        sections=sections,
        pictures=drawn,
        screens=(screen,),
        folds=tuple(_folds(comparison, sections, drawn)),
    )


def _folds(
    comparison: Comparison, sections: Sequence[Section], drawn: tuple[Picture, ...]
) -> Iterator[Fold]:
    """Yield a fold for every section, with what is in it."""
    says = {
        "comparison": f"{len(comparison.rows)} changes with both values; the gate: "
        f"{comparison.outcome}, {len(comparison.worse)} of {len(comparison.gated)} rows worse",
        "differences": _counted(len(sections[1].tables[0].rows)),
        "record": "ids, dates, commits, runs and commands",
    }
    for section in sections:
        own = tuple(x for x in drawn if x.section == section.key)
        yield Fold(
            key=section.key,
            title=section.title,
            says=says[section.key],
            sections=(section,),
            pictures=own,
        )


def _counted(count: int) -> str:
    if not count:
        return "nothing that is recorded"
    return "1 fact or setting, with both values" if count == 1 else f"{count} facts and settings"


def _gate(comparison: Comparison) -> Table:
    columns = {
        "outcome": "Outcome",
        "tolerance": "Tolerance",
        "metrics": "Looks at",
        "rows": "Rows",
        "worse": "Worse",
        "open": "Regression not ruled out",
    }
    rows: list[tuple[Cell, ...]] = [
        (
            text(comparison.outcome),
            asked(comparison.tolerance_frac, "frac"),
            text(", ".join(plain(metric) for metric in comparison.gate)),
            asked(len(comparison.gated)),
            asked(len(comparison.worse)),
            asked(len(comparison.open)),
        )
    ]
    notes = (
        "failed: a row is worse, also by the interval that is widened for the number of rows, so "
        "that chance fails the gate in less than 5 % of cases. passed: a regression beyond the "
        "tolerance is ruled out in every row. undecided: neither.",
    )
    return table("gate", "Gate", columns, rows, notes)


def _row_cells(comparison: Comparison, price: float | None, currency: str) -> Table:
    columns = {
        "metric": "Metric",
        "world_size": "Workers",
        "detail": "Of",
        "base": "Base",
        "new": "New",
        "change": "Change",
        "verdict": "Verdict",
        "gated": "Gate",
        "widened": "Change, widened for the gate",
    }
    ordered = sorted(comparison.rows, key=lambda row: not row.is_gated)
    rows = [_cells(row, price, currency) for row in ordered]
    return table(
        "changes",
        "Changes",
        columns,
        rows,
        _notes(comparison, price, currency),
        optional=["detail"],
    )


def _cells(row: Row, price: float | None, currency: str) -> tuple[Cell, ...]:
    draw = _drawer(row, price, currency)
    return (
        text(plain(row.metric)),
        asked(row.world_size),
        text(row.detail),
        draw(row.base),
        draw(row.new),
        change_cell(row),
        text(plain(row.verdict)),
        text("yes" if row.is_gated else "no"),
        estimate(row.widened, "change"),
    )


def _drawer(row: Row, price: float | None, currency: str) -> Callable[[Estimate], Cell]:
    kind: Kind = "derived" if row.metric in _DERIVED else "measured"
    if row.metric is Metric.COST and price is not None:
        return lambda value: estimate(cost(value, price), "money", kind, currency)
    return lambda value: estimate(value, _UNITS[row.metric], kind)


def _notes(comparison: Comparison, price: float | None, currency: str) -> list[str]:
    notes = [
        "Change: new / base - 1; of shares (pp) new - base. better, worse: all of its interval is "
        "beyond the tolerance. same: all of it is within. cannot tell: everything else."
    ]
    bases = sorted({pair.sizes[0] for pair in comparison.pairs})
    named = " and ".join(str(n) for n in bases)
    notes.append(f"Speedup and efficiency are against the baseline of both, workers: {named}.")
    if comparison.target_frac is not None:
        notes.append(
            f"Time to accuracy: to {100 * comparison.target_frac:.1f} % validation accuracy."
        )
    notes.append(paid_words(price, currency))
    if len(comparison.pairs) > 1:
        notes.append(
            f"{len(comparison.pairs)} pairs of curves are compared, one after the other; they "
            "differ in batch, versions or hardware, which `ray-bench report` tells apart."
        )
    if any(
        row.verdict is Verdict.CANNOT_TELL and row.change.low is None for row in comparison.rows
    ):
        notes.append("A change without an interval comes from too few runs: use repeats=3.")
    return notes


def _differences(comparison: Comparison) -> tuple[Table, ...]:
    found = dict.fromkeys(x for pair in comparison.pairs for x in pair.differences)
    rows = [_difference(x) for x in (*found, *comparison.settings)]
    notes = [] if rows else ["Nothing that is recorded differs."]
    columns = {"what": "What", "base": "Base", "new": "New", "why": "Why it is compared"}
    differing = table("differences", "Differences", columns, rows, notes)
    left_out = [
        (asked(x.world_size), text(f"{REASON_WORDS[x.reason]}."))
        for pair in comparison.pairs
        for x in pair.left_out
    ]
    if not left_out:
        return (differing,)
    heads = {"world_size": "Workers", "why": "Why not"}
    return (differing, table("left_out", "World sizes that are not compared", heads, left_out))


def _difference(difference: Difference) -> tuple[Cell, ...]:
    why = f"--allow {difference.allow}" if difference.is_refused else "may be what is compared"
    return (
        text(difference.name),
        text(in_words(difference.base)),
        text(in_words(difference.new)),
        text(why),
    )


def _sweeps(base: Results, new: Results) -> Table:
    columns = {"what": "What", "base": "Base", "new": "New"}
    both = (base, new)

    def row(name: str, cell: Callable[[Results], Cell]) -> tuple[Cell, ...]:
        return (text(name), *(cell(results) for results in both))

    rows = [
        row("sweep", lambda x: text(x.sweep.sweep_id)),
        row("created", lambda x: text(f"{x.sweep.created_at_utc:%Y-%m-%d %H:%M} UTC")),
        row("ray_bench version", lambda x: text(x.sweep.ray_bench_version)),
        row("commit", lambda x: text(_commits(x))),
        row("runs finished", lambda x: number(len(x.ok_runs), "count")),
        row("runs failed", lambda x: number(len(x.failed_runs), "count")),
        row("runs missing", lambda x: number(len(x.missing_run_ids), "count")),
        row("command", lambda x: text(x.sweep.command)),
    ]
    return table("sweeps", "Sweeps", columns, rows)


def _commits(results: Results) -> str | None:
    known = {x.commit for x in results.environments.values() if x.commit is not None}
    return ", ".join(sorted(known)) or None
