"""What does it cost to store a run? Against the same rows as JSON lines."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.common import Comparison, Measure, Outcome, emit, parser, positive, turn_order
from benchmarks.stores import made_up_run, sweep_config
from ray_bench.config.grid import expand
from ray_bench.records import RunData
from ray_bench.store import ResultsStore
from ray_bench.store.schema import LONG_TABLES

QUESTION = "Time and bytes to store all tables of one run in Parquet, over JSON lines of the same."
PARQUET, LINES = "store", "JSON lines"


def write_lines(folder: Path, data: RunData) -> None:
    """Write a run as JSON lines, one file a table."""
    folder.mkdir(parents=True)
    tables = {name: getattr(data, name) for name in LONG_TABLES}
    for name, records in {"runs": (data.run,), **tables}.items():
        lines = (json.dumps(asdict(record), default=str) for record in records)
        (folder / f"{name}.jsonl").write_text("\n".join(lines))


def size_of(folder: Path) -> int:
    """Return the bytes of all files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Run the benchmark."""
    made = parser("store", QUESTION)
    made.add_argument("--world-size", type=positive, default=8, metavar="N")
    made.add_argument("--blocks", type=positive, default=500, help="on each rank")
    made.add_argument("--rounds", type=positive, default=20)
    arguments = made.parse_args()
    planned = expand(sweep_config((arguments.world_size,), repeats=1))[0]
    data = made_up_run(planned, arguments.blocks, np.random.default_rng(arguments.seed))
    num_rows = 1 + sum(len(getattr(data, table)) for table in LONG_TABLES)
    writers = {
        PARQUET: lambda folder: ResultsStore(folder).write_run(data),
        LINES: lambda folder: write_lines(folder, data),
    }
    taken_s: dict[str, list[float]] = defaultdict(list)
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="rb-") as root:
        target = Path(root) / "results"
        ResultsStore(target).write_run(data)  # imports, first use of the compressor
        for order in turn_order((PARQUET, LINES), arguments.rounds, arguments.seed):
            for name in order:
                shutil.rmtree(target, ignore_errors=True)
                begin_s = time.perf_counter()
                writers[name](target)
                taken_s[name].append(time.perf_counter() - begin_s)
                sizes[name] = size_of(target)
    emit(
        Outcome(
            benchmark="store",
            question=QUESTION,
            comparisons=(
                Comparison(
                    name=f"one run, {arguments.world_size} ranks, {num_rows:,} rows",
                    top=PARQUET,
                    bottom=LINES,
                    unit="s",
                    pairs=tuple(zip(taken_s[PARQUET], taken_s[LINES], strict=True)),
                ),
            ),
            measures=tuple(
                Measure(name=f"{name}, on disk", value=size, unit="byte")
                for name, size in sizes.items()
            ),
        ),
        arguments,
    )


if __name__ == "__main__":
    main()
