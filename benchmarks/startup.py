"""How long until something happens? A run through Ray to its first step, and the commands."""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import parity
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
from benchmarks.turns import Arm, arms_of

QUESTION = (
    "Seconds from launch to first step through Ray over those of torchrun, in fresh launches that "
    "take turns; and of the commands over a bare `python -c pass`."
)
WORKLOAD = "cnn-digits"
BARE = "python -c pass"
COMMAND_AIMS = {"--help": 0.3, "workloads": 0.5, "report": 2.0}
#: Phases of a start through Ray: name -> (from stamp, to stamp). `launched` is the referee's.
PHASES: Mapping[str, tuple[str, str]] = {
    "driver: interpreter and Ray imported": ("launched", "driver_imported"),
    "Ray started": ("driver_imported", "ray_started"),
    "trial: process, Ray Train and torch imported": ("ray_started", "trial_imported"),
    "controller, until the worker's process exists": ("trial_imported", "worker_process"),
    "worker: imports, process group (below)": ("worker_process", "loop_entered"),
    "worker: model and data": ("loop_entered", "built"),
    "first step": ("built", "first_step"),
}
_LOGGED = re.compile(r"\[Worker Group Initialization\] (.+?) (?:took|in) ([\d.]+) ?s")


def launches(world_size: int, arguments: argparse.Namespace) -> tuple[Comparison, list[Measure]]:
    """Start both arms afresh, in turns, each for one step."""
    ours: list[dict[str, float]] = []
    totals: dict[str, list[float]] = defaultdict(list)
    logged: dict[str, list[float]] = defaultdict(list)
    for order in turn_order((parity.OURS, parity.PLAIN), arguments.repeats, arguments.seed):
        for name in order:
            say(f"start of {name}, {world_size} workers")
            with tempfile.TemporaryDirectory(prefix="rb-") as folder:
                log = Path(folder) / "controller.log"
                stamps = _one_step(name, world_size, log)
                totals[name].append(stamps["first_step"] - stamps["launched"])
                if name == parity.OURS:
                    ours.append(stamps)
                    for what, seconds in logged_phases(log.read_text()).items():
                        logged[what].append(seconds)
    label = f"{WORKLOAD}, {world_size} workers"
    comparison = Comparison(
        name=f"launch to first step: {label}",
        top=parity.OURS,
        bottom=parity.PLAIN,
        unit="s",
        pairs=tuple(zip(totals[parity.OURS], totals[parity.PLAIN], strict=True)),
    )
    return comparison, [*phase_measures(ours), *_logged_measures(logged)]


def _one_step(name: str, world_size: int, log: Path) -> dict[str, float]:
    arguments = parity.arguments_of(["--batch-size", "32"])
    both = parity.specs(WORKLOAD, world_size, arguments, extra=("steps=1",))
    spec = next(spec for spec in both if spec.name == name)
    spec = type(spec)(
        name=spec.name,
        command=spec.command,
        num_ranks=spec.num_ranks,
        job={**spec.job, "log": str(log)},
        environment=spec.environment,
    )
    with arms_of([spec]) as (arm,):
        arm.start()
        arm.finish()
        return slowest_stamps(arm)


def slowest_stamps(arm: Arm) -> dict[str, float]:
    """Return the stamps of the rank that made its first step last."""
    last = max(arm.stamps.values(), key=lambda stamps: stamps["first_step"])
    return {**last, "launched": arm.started_at_s}


def phase_measures(starts: Sequence[Mapping[str, float]]) -> list[Measure]:
    """Return the median of every phase over some starts."""
    return [
        Measure(
            name=f"Ray, {name}",
            value=statistics.median(stamps[end] - stamps[begin] for stamps in starts),
            unit="s",
        )
        for name, (begin, end) in PHASES.items()
    ]


def logged_phases(log: str) -> dict[str, float]:
    """Return what Ray Train's controller says of the start of its workers, seconds by name."""
    found = {}
    for line in log.splitlines():
        match = _LOGGED.search(str(json.loads(line).get("message", "")) if line else "")
        if match:
            found[re.sub(r"\d+ ", "", match.group(1))] = float(match.group(2))
    return found


def _logged_measures(logged: Mapping[str, Sequence[float]]) -> list[Measure]:
    return [
        Measure(name=f"Ray's own log: {what}", value=statistics.median(seconds), unit="s")
        for what, seconds in logged.items()
    ]


def commands(repeats: int, seed: int) -> list[Comparison]:
    """Time the commands, and an interpreter that does nothing, in turns."""
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        store = Path(folder) / "results"
        write_store(store, num_block_rows=2_000)
        tool = [sys.executable, "-m", "ray_bench"]
        arms = {
            BARE: [sys.executable, "-c", "pass"],
            "ray-bench --help": [*tool, "--help"],
            "ray-bench workloads": [*tool, "workloads"],
            "ray-bench report": [*tool, "report", str(store)],
        }
        for command in arms.values():  # byte code and disk cache
            _seconds(command)
        taken_s: dict[str, list[float]] = defaultdict(list)
        for order in turn_order(list(arms), repeats, seed):
            for name in order:
                taken_s[name].append(_seconds(arms[name]))
    return [
        Comparison(
            name=name,
            top="command",
            bottom="bare",
            unit="s",
            pairs=tuple(zip(taken_s[name], taken_s[BARE], strict=True)),
        )
        for name in arms
        if name != BARE
    ]


def _seconds(command: Sequence[str]) -> float:
    begin_s = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    taken_s = time.perf_counter() - begin_s
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return taken_s


def _command_measures(comparisons: Sequence[Comparison]) -> list[Measure]:
    return [
        Measure(
            name=f"{item.name}, median",
            value=item.medians()[0],
            unit="s",
            aim=Aim(bound="at most", value=COMMAND_AIMS[item.name.split()[-1]]),
        )
        for item in comparisons
    ]


def main() -> None:
    """Run the benchmark."""
    made = parser("startup", QUESTION)
    made.add_argument("--repeats", type=positive, default=4, help="starts of a run, each arm")
    made.add_argument("--command-repeats", type=positive, default=12)
    made.add_argument("--world-size", type=positive, default=2, metavar="N")
    arguments = made.parse_args()
    of_commands = commands(arguments.command_repeats, arguments.seed)
    of_runs, phases = launches(arguments.world_size, arguments)
    emit(
        Outcome(
            benchmark="startup",
            question=QUESTION,
            comparisons=(of_runs, *of_commands),
            measures=(*_command_measures(of_commands), *phases),
            notes=(
                "Phases are medians over the starts, of the rank that came last.",
                "Lines of Ray's own log are parts of the phases above them.",
            ),
        ),
        arguments,
    )


if __name__ == "__main__":
    main()
