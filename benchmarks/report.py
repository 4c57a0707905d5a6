"""How fast is `ray-bench report` on a sweep with a million block rows, and in how much memory?

And how fast is a decision for another aim, on a study that is there: what a page with sliders does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import (
    ROOT,
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
from benchmarks.stores import write_store
from ray_bench.analysis.decision.advice import Ask
from ray_bench.analysis.decision.aim import Aim as DecisionAim
from ray_bench.analysis.study import studies
from ray_bench.store import ResultsStore

QUESTION = (
    "Seconds and peak memory of `ray-bench report` on a large sweep, over those on a small one."
)
SMALL_ROWS = 10_000
#: A sweep of many short runs, for the page: 4 world sizes, 125 repeats.
MANY_REPEATS, MANY_ROWS = 125, 100_000
#: Three world sizes, two repeats each.
GOLDEN_STORE = ROOT / "tests" / "golden" / "store"
#: What is asked next of the study.
AIMS = (DecisionAim("fastest"), DecisionAim("deadline", 60.0), DecisionAim("cheapest"))


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process took."""

    seconds: float
    peak_memory_bytes: int


def usage_of(command: Sequence[str]) -> Usage:
    """Run a command and return what it took.

    Raises:
        RuntimeError: If it failed.
    """
    begin_s = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, used = os.wait4(child.pid, 0)
        taken_s = time.perf_counter() - begin_s
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            text = errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(command)} failed:\n{text}")
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): KiB on Linux, bytes on macOS
    return Usage(taken_s, used.ru_maxrss * unit)


def decide_s(store: Path, rounds: int) -> float:
    """Return the median seconds of a decision for another aim, on a study that has one already."""
    (study,) = studies(ResultsStore(store).read())
    taken = []
    for aim in [study.ask.aim, *AIMS] * rounds:
        begin_s = time.perf_counter()
        study.decide(Ask(aim=aim, price_per_worker_hour=1.5))
        taken.append(time.perf_counter() - begin_s)
    return statistics.median(taken[1:])  # the first one fits the laws


def main() -> None:
    """Run the benchmark."""
    made = parser("report", QUESTION)
    made.add_argument("--rows", type=positive, default=1_000_000, help="blocks of the large sweep")
    made.add_argument("--rounds", type=positive, default=5)
    arguments = made.parse_args()
    used: dict[str, list[Usage]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        sizes = {}
        for name, rows in (("large", arguments.rows), ("small", SMALL_ROWS)):
            say(f"writing the {name} sweep")
            sizes[name] = write_store(Path(folder) / name, num_block_rows=rows)
        many = str(Path(folder) / "many")
        write_store(Path(many), num_block_rows=MANY_ROWS, repeats=MANY_REPEATS)
        page = str(Path(folder) / "report.html")
        html = [sys.executable, "-m", "ray_bench", "report", many, "--format", "html"]
        pages = [usage_of([*html, "--output", page]) for _ in range(arguments.rounds)]
        page_bytes = Path(page).stat().st_size
        another_s = decide_s(GOLDEN_STORE, arguments.rounds)
        for order in turn_order(("large", "small"), arguments.rounds, arguments.seed):
            for name in order:
                target = str(Path(folder) / name)
                used[name].append(usage_of([sys.executable, "-m", "ray_bench", "report", target]))
    comparison = Comparison(
        name=f"{sizes['large']:,} block rows over {sizes['small']:,}",
        top="large",
        bottom="small",
        unit="s",
        pairs=tuple(
            (large.seconds, small.seconds)
            for large, small in zip(used["large"], used["small"], strict=True)
        ),
    )
    emit(
        Outcome(
            benchmark="report",
            question=QUESTION,
            comparisons=(comparison,),
            measures=(
                Measure(
                    name=f"{sizes['large']:,} block rows, median",
                    value=comparison.medians()[0],
                    unit="s",
                    aim=Aim(bound="at most", value=5.0),
                ),
                Measure(
                    name=f"{sizes['large']:,} block rows, peak memory in GB",
                    value=max(usage.peak_memory_bytes for usage in used["large"]) / 1e9,
                    unit="GB",
                    aim=Aim(bound="at most", value=1.0),
                ),
                Measure(
                    name="HTML page of 500 runs, median",
                    value=statistics.median(usage.seconds for usage in pages),
                    unit="s",
                    aim=Aim(bound="at most", value=5.0),
                ),
                Measure(
                    name="HTML page of 500 runs, peak memory in GB",
                    value=max(usage.peak_memory_bytes for usage in pages) / 1e9,
                    unit="GB",
                    aim=Aim(bound="at most", value=0.5),
                ),
                Measure(
                    name="HTML page of 500 runs, size in MB",
                    value=page_bytes / 1e6,
                    unit="MB",
                    aim=Aim(bound="at most", value=2.0),
                ),
                Measure(
                    name="another aim on the golden study, median in ms",
                    value=another_s * 1e3,
                    unit="ms",
                    aim=Aim(bound="at most", value=50.0),
                ),
            ),
            notes=("32 runs: 1, 2, 4 and 8 workers, 8 repeats; interpreter and imports included.",),
        ),
        arguments,
    )


if __name__ == "__main__":
    main()
