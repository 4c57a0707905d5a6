"""The golden store and its reports: `python -m tests.golden.make` writes the reports again.

The store is made up (`tests/synthetic.py`), and is written only with `--store`: it stands for
results that an older version has left, which every later one has to read. Look at the difference
before you commit it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray_bench.records import NetworkRecord, Results
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import Report, build_report
from ray_bench.store import ResultsStore
from tests.network_samples import network_columns
from tests.stored import write_results
from tests.synthetic import Sync, synthetic

FOLDER = Path(__file__).parent
STORE = FOLDER / "store"
LONGEST_LINE = 160


def golden_results() -> Results:
    """Three world sizes with two repeats each, a third repeat that failed, and one that is gone."""
    return synthetic(
        (1, 2, 4),
        repeats=3,
        epochs=5,
        sync=Sync(contention_s=0.001),
        failed=lambda size, repeat: repeat == 2,
        num_missing=1,
    )


def write_store(root: Path) -> None:
    """Write the store into a folder that does not exist."""
    results = golden_results()
    kept = tuple(r for r in results.runs if r.status == "ok" or r.point.world_size == 4)
    ids = {run.run_id for run in kept}
    planned = tuple(x for x in results.sweep.run_ids if x in ids or x.startswith("gone"))
    sweep = replace(results.sweep, run_ids=planned)
    store = write_results(ResultsStore(root), replace(results, sweep=sweep, runs=kept))
    columns = network_columns((2, 4))
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    records = [NetworkRecord(**dict(zip(columns, row, strict=True))) for row in rows]
    store.write_network(sweep.sweep_id, records)


def golden_report() -> Report:
    """Return the report of the stored sweep."""
    return build_report(ResultsStore(STORE).read())


def readable(value: Any, indent: int = 0) -> str:
    """Return JSON that a person can compare: what fits on a line is on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= LONGEST_LINE or not isinstance(value, dict | list) or not value:
        return line
    keys = (
        [f"{json.dumps(key)}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    )
    items = value.values() if isinstance(value, dict) else value
    blank = " " * (indent + 1)
    body = ",\n".join(
        f"{blank}{key}{readable(x, indent + 1)}" for key, x in zip(keys, items, strict=True)
    )
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n{body}\n{' ' * indent}{last}"


def rounded(value: Any) -> Any:
    """Return a document whose numbers have 10 digits: the others differ between machines."""
    if isinstance(value, dict):
        return {key: rounded(x) for key, x in value.items()}
    if isinstance(value, list):
        return [rounded(x) for x in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def main(arguments: list[str]) -> None:
    """Write the reports; before them the store, if it is asked for."""
    if arguments == ["--store"]:
        write_store(STORE)
    report = golden_report()
    document = readable(rounded(json.loads(json_report(report))))
    (FOLDER / "report.md").write_text(markdown_report(report), encoding="utf-8")
    (FOLDER / "report.json").write_text(f"{document}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
