"""Results in Python and notebooks: one sweep as data frames, decision, report and charts.

Imports store, analysis and report; pandas, pyarrow and altair only when they are asked for.
"""

from ray_bench.api.results import Options, SweepResults, load_sweep

__all__ = ["Options", "SweepResults", "load_sweep"]
