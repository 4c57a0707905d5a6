"""A comparison as a first screen: the answer in parts, and the changes crossed with world sizes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from ray_bench.analysis.comparison.compare import Comparison, Outcome
from ray_bench.analysis.comparison.metrics import pair_rows
from ray_bench.analysis.comparison.row import Row, Verdict
from ray_bench.records import Results
from ray_bench.report.cells import Cell, text
from ray_bench.report.comparison_words import (
    change_cell,
    differences_in_words,
    listed,
    percent,
    place,
    plain,
    repeats_that_would_do,
    why,
)
from ray_bench.report.configured import command_with
from ray_bench.report.flags import Flag
from ray_bench.report.format import show
from ray_bench.report.pictures.change import pictures
from ray_bench.report.screen import (
    Answer,
    Caveat,
    Level,
    NextStep,
    Numbers,
    Panel,
    Quantity,
    Screen,
    Size,
)

#: What to know before a comparison is believed, by the key of its flag.
_HEADS: dict[str, tuple[Level, str]] = {
    "cannot_tell": ("warn", "Undecided."),
    "missing_in_new": ("bad", "Runs of the new sweep are missing."),
    "same_sweep": ("bad", "A sweep against itself."),
    "not_compared": ("warn", "Not all is compared."),
    "allowed_difference": ("warn", "They differ in what is not under test."),
    "launch_noise_assumed": ("warn", "Noise is assumed."),
    "other_instrument": ("warn", "Two versions of ray_bench."),
}


def comparison_screen(
    comparison: Comparison,
    base: Results,
    new: Results,
    flags: Sequence[Flag],
    steps: Sequence[str],
    paid: str,
    new_root: str | None,
) -> Screen:
    """Return what is seen first of a comparison.

    Args:
        comparison: Of the two sweeps.
        base: What it was.
        new: What it is now.
        flags: What the reader has to know.
        steps: What to do next, in sentences.
        paid: What the cost is, in a sentence.
        new_root: Where the new sweep is stored, for commands; None where that is not known.
    """
    decisive = _decisive(comparison)
    workload = comparison.pairs[0].new.runs[0].point.workload
    return Screen(
        name=None,
        context=(workload, f"base {base.sweep.sweep_id}", f"new {new.sweep.sweep_id}"),
        answer=Answer(
            lead=_lead(comparison, decisive),
            gain=None if decisive is None else change_cell(decisive),
            world_size=None,
            why=why(comparison),
            limit=differences_in_words(comparison),
            caveats=tuple(_caveats(flags)),
            next=_next(comparison, new, steps, new_root),
        ),
        curve_title=_finding(comparison),
        curve=None,
        numbers=_numbers(comparison, paid),
        panels=tuple(
            Panel(key=x.key, ask="What the gate looks at first", title=x.title, picture=x)
            for x in pictures(comparison)
        ),
    )


def _decisive(comparison: Comparison) -> Row | None:
    """Return the row that the answer names; None where none has a number that says it."""
    if comparison.outcome is Outcome.FAILED:
        return min(comparison.worse, key=lambda row: row.gain.value)
    better = [row for row in comparison.gated if row.verdict is Verdict.BETTER]
    if comparison.outcome is Outcome.PASSED and better:
        return max(better, key=lambda row: row.gain.value)
    rows = comparison.gated if comparison.outcome is Outcome.PASSED else comparison.open
    known = [row for row in rows if row.gain.low is not None]
    return min(known, key=lambda row: row.gain.low or 0.0, default=None)


def _lead(comparison: Comparison, row: Row | None) -> str:
    if row is None:
        return "Cannot tell whether it is worse"
    head = {
        Outcome.FAILED: "Worse",
        Outcome.PASSED: "Better" if row.verdict is Verdict.BETTER else "No regression",
        Outcome.UNDECIDED: "Cannot tell yet",
    }[comparison.outcome]
    return f"{head}: {place(row)} {_plain_change(row)}"


def _plain_change(row: Row) -> str:
    return show(change_cell(row)).value


def _finding(comparison: Comparison) -> str:
    """Return what the gate's first metric does, by verdict: `Throughput: worse with 8 workers`."""
    metric = comparison.gate[0]
    rows = [row for row in comparison.gated if row.metric is metric]
    parts = []
    for verdict in (Verdict.WORSE, Verdict.BETTER, Verdict.CANNOT_TELL, Verdict.SAME):
        sizes = sorted({x.world_size for x in rows if x.verdict is verdict and x.world_size})
        if sizes:
            parts.append(f"{plain(verdict)} with {listed([str(n) for n in sizes])}")
    words = ", ".join(parts) or "nothing is known"
    return f"{plain(metric).capitalize()} by workers: {words}"


def _numbers(comparison: Comparison, paid: str) -> Numbers:
    """Return the changes and their verdicts; those that are of no world size are left out."""
    rows = list(_by_pair(comparison))
    found = [(which, row) for which, row in rows if row.world_size is not None]
    sizes = sorted({row.world_size for _, row in found if row.world_size is not None})
    lines = dict.fromkeys((which, row.metric, row.detail) for which, row in found)
    quantities: list[Quantity] = []
    for line in sorted(lines, key=lambda x: x[1] not in comparison.gate):
        mine = {x.world_size: x for which, x in found if (which, x.metric, x.detail) == line}
        which, metric, detail = line
        is_gated = any(row.is_gated for row in mine.values())
        notes = [which, detail, "the gate looks at it" if is_gated else ""]
        cells = [mine.get(n) for n in sizes]
        quantities += [
            Quantity(
                key=f"{metric}_{len(quantities)}",
                title=plain(metric).capitalize(),
                note=", ".join(x for x in notes if x),
                cells=tuple(Cell(None) if x is None else change_cell(x) for x in cells),
                is_first=True,
            ),
            Quantity(
                key=f"{metric}_{len(quantities)}_verdict",
                title="",
                cells=tuple(text(None if x is None else plain(x.verdict)) for x in cells),
                is_first=True,
            ),
        ]
    return Numbers(
        sizes=tuple(Size(world_size=n, is_measured=True) for n in sizes),
        quantities=tuple(quantities),
        foot=(
            "Change: new / base - 1; of shares (pp) new - base. Better, worse: all of its 95 % "
            f"interval is beyond the tolerance of {percent(comparison.tolerance_frac)}; same: all "
            f"of it is within; cannot tell: anything else. {paid}"
        ),
    )


def _by_pair(comparison: Comparison) -> Iterator[tuple[str, Row]]:
    """Yield every row with the name of its curve, where there are several."""
    rows = iter(comparison.rows)
    for number, pair in enumerate(comparison.pairs, start=1):
        which = f"curve {number}" if len(comparison.pairs) > 1 else ""
        for _ in pair_rows(pair, comparison.target_frac):
            yield which, next(rows)
    for row in rows:
        yield "", row


def _caveats(flags: Sequence[Flag]) -> Iterator[Caveat]:
    for flag in flags:
        level, head = _HEADS.get(flag.key, ("note", f"{plain(flag.key).capitalize()}."))
        yield Caveat(level=level, head=head, text=flag.text)


def _next(
    comparison: Comparison, new: Results, steps: Sequence[str], root: str | None
) -> NextStep | None:
    if not steps:
        return None
    report = None if root is None else ["ray-bench", "report", root, "--sweep", new.sweep.sweep_id]
    if comparison.outcome is Outcome.FAILED:
        command = None if report is None else shlex.join([*report, "--fold", "losses"])
        return NextStep(head="find the part that became slower", command=command, note=steps[0])
    if comparison.missing_sizes:
        command = None if report is None else shlex.join([*report, "--failures"])
        return NextStep(head="see why runs failed", command=command, note=steps[0])
    repeats = repeats_that_would_do(comparison)
    command = None if repeats is None else command_with(new, f"repeats={repeats}")
    return NextStep(head="measure both with more repeats", command=command, note=steps[0])
