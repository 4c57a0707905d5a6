"""Is a store of a thousand sweeps as quick as one that holds a single sweep?"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from unittest import mock

from benchmarks.common import (
    Aim,
    Comparison,
    Measure,
    Outcome,
    emit,
    parser,
    positive,
    say,
    turn_order,
)
from benchmarks.report import usage_of
from benchmarks.stores import SWEEP_ID, write_other_sweeps, write_store

QUESTION = (
    "Seconds to list a store of many sweeps, and to report one of them, over a store that holds "
    "this one alone."
)
MANY, ALONE = "many sweeps", "alone"
AGE = timedelta(days=30)


def main() -> None:
    """Run the benchmark."""
    made = parser("sweeps", QUESTION)
    made.add_argument("--sweeps", type=positive, default=1000)
    made.add_argument("--runs", type=positive, default=10, help="of each sweep")
    made.add_argument("--rounds", type=positive, default=10)
    arguments = made.parse_args()
    taken_s: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        roots = {MANY: Path(folder) / "many", ALONE: Path(folder) / "alone"}
        say(f"writing {arguments.sweeps} sweeps")
        with mock.patch.object(os, "fsync"):  # how long it takes to write is not the question
            write_other_sweeps(roots[MANY], arguments.sweeps - 1, arguments.runs, AGE)
            for root in roots.values():
                write_store(root, num_block_rows=10_000)
        program = [sys.executable, "-m", "ray_bench"]
        for order in turn_order((MANY, ALONE), arguments.rounds, arguments.seed):
            for name in order:
                root = str(roots[name])
                calls = {
                    "list": ["list", root],
                    "report by id": ["report", root, "--sweep", SWEEP_ID],
                    "report the newest": ["report", root],
                }
                for what, call in calls.items():
                    taken_s[what][name].append(usage_of([*program, *call]).seconds)
    size = f"{arguments.sweeps:,} sweeps of {arguments.runs} runs"
    emit(
        Outcome(
            benchmark="sweeps",
            question=QUESTION,
            comparisons=tuple(
                Comparison(
                    name=what,
                    top=MANY,
                    bottom=ALONE,
                    unit="s",
                    pairs=tuple(zip(taken[MANY], taken[ALONE], strict=True)),
                )
                for what, taken in taken_s.items()
            ),
            measures=(
                Measure(
                    name=f"list {size}, the first time",
                    value=taken_s["list"][MANY][0],
                    unit="s",
                    aim=Aim(bound="at most", value=2.0),
                ),
                Measure(
                    name=f"list {size}, median",
                    value=statistics.median(taken_s["list"][MANY]),
                    unit="s",
                    aim=Aim(bound="at most", value=2.0),
                ),
            ),
            notes=("Whole commands: interpreter and imports included.",),
        ),
        arguments,
    )


if __name__ == "__main__":
    main()
