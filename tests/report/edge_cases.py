"""Made-up sweeps that a report has to draw, not only to say: what is missing, odd or too much.

`python -m tests.report.edge_cases FOLDER` writes the page of each.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path

from ray_bench.records import Results
from ray_bench.report.html.page import html_report
from ray_bench.report.model import Report, build_report
from tests.analysis.test_placements import two_levels
from tests.placed import placed
from tests.synthetic import Sync, synthetic

#: Name and sweep; each has something that the others have not.
EDGES: dict[str, Callable[[], Results]] = {
    "one_size": lambda: synthetic((1,)),
    "two_sizes": lambda: synthetic((1, 2), repeats=2, noise=0.08, sync=Sync()),
    "ten_sizes": lambda: synthetic((1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48), sync=Sync()),
    "several_curves": lambda: placed(step_s=two_levels),
    "failed": lambda: synthetic((1, 2, 4), failed=lambda n, r: n == 4, num_missing=2),
    "all_failed": lambda: synthetic((1, 2, 4), failed=lambda n, r: True),
    "emulated": lambda: synthetic(flags=lambda n: ("emulated",), workload="emulated"),
    "standin": lambda: synthetic(flags=lambda n: ("standin_data",), sync=Sync()),
    "oversubscribed": lambda: synthetic(
        flags=lambda n: ("oversubscribed",) if n > 2 else (), sync=Sync()
    ),
    "no_accuracy": lambda: synthetic(with_accuracy=False, sync=Sync()),
    "no_price": lambda: synthetic(price=None, sync=Sync()),
    "one_run": lambda: synthetic(repeats=1, with_blocks=False),
    "slower": lambda: synthetic(step_s=lambda n, _: 0.1 * n, sync=Sync()),
    "plateau": lambda: synthetic(
        step_s=lambda n, _: {1: 0.1, 2: 0.05, 4: 0.049, 8: 0.0485}[n], noise=0.002, repeats=6
    ),
    "weak": lambda: synthetic(scaling="weak", sync=Sync(), seeds=(0, 1, 2), rules=("linear",)),
    "rules": lambda: synthetic(rules=("none", "linear", "sqrt"), scaling="weak", seeds=(0, 1)),
}


@functools.cache
def edge_report(name: str) -> Report:
    """Return the report of one of the cases; made once."""
    return build_report(EDGES[name]())


def main() -> None:
    """Write the page of every case into a folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in EDGES:
        (folder / f"{name}.html").write_text(html_report(edge_report(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
