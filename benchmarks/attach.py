"""What does it cost a script to be measured? The same loop with and without the attachment."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.attach_rank import ATTACHED, PLAIN
from benchmarks.common import (
    ROOT,
    Aim,
    Comparison,
    Measure,
    Outcome,
    emit,
    in_words,
    parser,
    positive,
    say,
)

QUESTION = (
    "Step time of a training script with `ray_bench.attach` beside it over the same script alone. "
    "The hooks come and go between turns of one process a rank."
)
AIM = Aim(bound="at most", value=1.01)
#: Below it the cost is stated and flagged in reports, and there is no aim.
AIM_FROM_S = 4e-3
LIMIT_S = 300.0


def turns_of(step_s: float, num_ranks: int, arguments: argparse.Namespace) -> Any:
    """Return `times`, seconds per step of (attached, plain) in every round, and `works`.

    Times are those of the slowest rank, work is processor time of the first one's thread.

    Raises:
        RuntimeError: If a rank failed; holds the end of what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        job, answer = Path(folder) / "job.json", Path(folder) / "answer.json"
        job.write_text(
            json.dumps(
                {
                    "step_s": step_s,
                    "turn_s": arguments.turn_s,
                    "rounds": arguments.rounds,
                    "seed": arguments.seed,
                    "num_ranks": num_ranks,
                    "answer": str(answer),
                }
            )
        )
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_ranks}"]
        launcher = [*torchrun, "-m"] if num_ranks > 1 else ["-m"]
        done = subprocess.run(
            [sys.executable, *launcher, "benchmarks.attach_rank", str(job)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError("\n".join((done.stdout + done.stderr).splitlines()[-30:]))
        return json.loads(answer.read_text())


def compare(
    step_s: float, num_ranks: int, arguments: argparse.Namespace
) -> tuple[Comparison, Measure]:
    """Measure one step time at one number of ranks."""
    turns = turns_of(step_s, num_ranks, arguments)
    name = f"{step_s * 1e3:g} ms, {num_ranks} rank{'s' if num_ranks > 1 else ''}"
    found = Comparison(
        name=name,
        top=ATTACHED,
        bottom=PLAIN,
        unit="s/step",
        pairs=tuple(map(tuple, turns["times"])),
        aim=AIM if step_s >= AIM_FROM_S else None,
    )
    more_s = statistics.median(top - bottom for top, bottom in turns["works"])
    say(f"{in_words(found)}; work {more_s * 1e6:.0f} us")
    return found, Measure(name=f"{name}: work of the attachment", value=more_s, unit="s/step")


def arguments_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    made = parser("attach", QUESTION)
    made.add_argument(
        "--step-ms", nargs="+", type=float, default=[1, 4, 15, 50], help="steps of about so long"
    )
    made.add_argument("--ranks", nargs="+", type=positive, default=[1, 2], metavar="N")
    made.add_argument("--rounds", type=positive, default=30, help="turns of each arm")
    made.add_argument("--turn-s", type=float, default=0.3, help="a turn lasts about so long")
    return made.parse_args(arguments)


def main() -> None:
    """Run the benchmark."""
    arguments = arguments_of()
    before = os.getloadavg()[0]
    found = [
        compare(step_ms / 1e3, num_ranks, arguments)
        for num_ranks in arguments.ranks
        for step_ms in arguments.step_ms
    ]
    emit(
        Outcome(
            benchmark="attach",
            question=QUESTION,
            comparisons=tuple(comparison for comparison, _ in found),
            measures=tuple(measure for _, measure in found),
            notes=(
                "A script of plain torch: DataLoader, four linear layers, SGD, one thread a rank, "
                "DDP and gloo at 2 ranks. The rows of a sample are chosen so that a step takes "
                "about so long.",
                "After warm-up; blocks of 0.25 s are written as they end. What the attachment "
                "finds out at the first step and the steps by phase are not in it.",
                "Work is processor time of the first rank's thread, the median of rounds: at short "
                "steps other jobs change it little.",
                f"Load of the machine before: {before:.1f} on {os.cpu_count()} cores. "
                "The slowest rank counts.",
            ),
        ),
        arguments,
    )


if __name__ == "__main__":
    main()
