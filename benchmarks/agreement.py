"""Does one model have one speed, measured as a workload and as a script?"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import (
    ROOT,
    Comparison,
    Outcome,
    emit,
    in_words,
    number,
    parser,
    positive,
    say,
    turn_order,
)
from ray_bench.stats.log_estimate import mean_log
from ray_bench.store import ResultsStore

QUESTION = (
    "Step time and speedup of one model as a workload of ray_bench over those of a plain script of "
    "it (`ray-bench run ... -- train.py`). Whole sweeps take turns."
)
WORKLOAD, SCRIPT = "workload", "script"
_TARGETS = {
    WORKLOAD: (["workload=benchmarks.agreement_model:Same", "evaluation=off"], []),
    SCRIPT: (
        [],
        [
            *("--", "-m", "benchmarks.agreement_train", "--batch-size", "{local_batch_size}"),
            *("--lr", "{lr}", "--seed", "{seed}"),
        ],
    ),
}
#: The separate passes after training are the workload's alone.
_ONLY_TIMED = (
    *("measure.phase_steps=0", "measure.sync_pairs=0", "measure.noise_steps=0"),
    "measure.checkpoint=false",
)
LIMIT_S = 600.0


def sweep(arm: str, root: Path, arguments: argparse.Namespace) -> dict[int, float]:
    """Measure a sweep; return the step time of every world size in seconds.

    Raises:
        RuntimeError: If it failed; holds the end of what it printed.
    """
    settings, script = _TARGETS[arm]
    sizes = ",".join(map(str, arguments.world_sizes))
    command = [sys.executable, "-m", "ray_bench", "run", f"world_sizes=[{sizes}]", *settings]
    command += ["scaling=weak", f"batch_size={arguments.batch_size}", "lr=0.01", "lr_rules=none"]
    command += [f"steps={arguments.steps}", "use_gpu=false", "launch.env={OMP_NUM_THREADS: '1'}"]
    command += [*(_ONLY_TIMED if arm == WORKLOAD else ()), "--quiet", "--results", str(root)]
    done = subprocess.run(
        [*command, *script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError("\n".join((done.stdout + done.stderr).splitlines()[-30:]))
    runs = ResultsStore(root).read().ok_runs
    found = {run.point.world_size: run.step_time_s for run in runs if run.step_time_s is not None}
    say(f"{arm}: " + ", ".join(f"{size}: {x * 1e3:.2f} ms" for size, x in sorted(found.items())))
    return found


def arguments_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    made = parser("agreement", QUESTION)
    made.add_argument("--world-sizes", nargs="+", type=positive, default=[1, 2], metavar="N")
    made.add_argument("--batch-size", type=positive, default=128, help="of a worker")
    made.add_argument("--steps", type=positive, default=150)
    made.add_argument("--rounds", type=positive, default=4, help="sweeps of each arm")
    return made.parse_args(arguments)


def main() -> None:
    """Run the benchmark."""
    arguments = arguments_of()
    before = os.getloadavg()[0]
    found: dict[str, list[dict[int, float]]] = {WORKLOAD: [], SCRIPT: []}
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        for index, order in enumerate(turn_order(tuple(found), arguments.rounds, arguments.seed)):
            for arm in order:
                found[arm].append(sweep(arm, Path(folder) / f"{index}-{arm}", arguments))
    comparisons = tuple(comparisons_of(found))
    for comparison in comparisons:
        say(in_words(comparison))
    emit(
        Outcome(
            benchmark="agreement",
            question=QUESTION,
            comparisons=comparisons,
            notes=(
                *(verdict(x) for x in comparisons),
                "Same module, data loader, batch, optimizer, seed, thread; both add up loss and "
                "accuracy. Ray's workers keep freed memory in training of ray_bench's own, a "
                "script's process has the C library's own rule.",
                f"Load of the machine before: {before:.1f} on {os.cpu_count()} cores.",
            ),
        ),
        arguments,
    )


def comparisons_of(found: dict[str, list[dict[int, float]]]) -> list[Comparison]:
    """Compare step times at every world size, and speedups over the smallest, round by round."""
    rounds = list(zip(found[WORKLOAD], found[SCRIPT], strict=True))
    sizes = sorted(rounds[0][0])
    made = [
        Comparison(
            name=f"step time, {size} worker{'s' if size > 1 else ''}",
            top=WORKLOAD,
            bottom=SCRIPT,
            unit="s/step",
            pairs=tuple((ours[size], theirs[size]) for ours, theirs in rounds),
        )
        for size in sizes
    ]
    for least, size in itertools.product(sizes[:1], sizes[1:]):
        pairs = tuple(tuple(size * x[least] / (least * x[size]) for x in each) for each in rounds)
        made.append(
            Comparison(
                name=f"speedup, {size} workers over {least}",
                top=WORKLOAD,
                bottom=SCRIPT,
                unit="x",
                pairs=pairs,  # type: ignore[arg-type]
            )
        )
    return made


def verdict(comparison: Comparison) -> str:
    """Say whether both arms agree, with the interval of each."""
    arms = zip((WORKLOAD, SCRIPT), zip(*comparison.pairs, strict=True), strict=True)
    words = ", ".join(f"{name} {_interval(values, comparison.unit)}" for name, values in arms)
    ratio = comparison.ratio
    if ratio.low is None or ratio.high is None:
        return f"{comparison.name}: {words}."
    if not ratio.contains(1.0):
        return f"{comparison.name}: {words}; they differ by {abs(ratio.value - 1):.1%}."
    most = max(ratio.high - 1, 1 - ratio.low)
    return f"{comparison.name}: {words}; no difference is shown, and none beyond {most:.1%}."


def _interval(values: tuple[float, ...], unit: str) -> str:
    found = mean_log([math.log(x) for x in values]).estimate
    if found.low is None or found.high is None:
        return number(found.value, unit)
    low, high = number(found.low, unit), number(found.high, unit)
    return f"{number(found.value, unit)} ({low} to {high})"


if __name__ == "__main__":
    main()
