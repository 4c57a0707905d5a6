"""Two sweeps against each other: what changed, how surely, and whether a gate lets it pass.

`compare` is the entry. A change is judged by its whole interval against a tolerance; see
docs/method.md, "Comparison".
"""

from ray_bench.analysis.comparison.compare import Comparison, Outcome, compare
from ray_bench.analysis.comparison.facts import Allow
from ray_bench.analysis.comparison.row import Metric, Row, Verdict

__all__ = ["Allow", "Comparison", "Metric", "Outcome", "Row", "Verdict", "compare"]
