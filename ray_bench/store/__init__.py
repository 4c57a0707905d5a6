"""Results in Parquet: schema with units and version, atomic write, read, migrate.

Layer 3: imports pyarrow, records and errors; local disks and object stores look the same.
"""

from ray_bench.store.results_store import ResultsStore

__all__ = ["ResultsStore"]
