"""How many workers should this training job use, and what stops it from scaling further?

In Python and notebooks: `results = ray_bench.load("results")`; docs/python.md shows the rest.
In a training script: `ray_bench.step(num_samples=...)` and `ray_bench.log(val_accuracy=...)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ray_bench.attach.api import log, step

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from ray_bench.api import Options, SweepResults

__all__ = ["__version__", "load", "log", "step"]
__version__ = "0.1.0"


def load(
    folder: str | Path = "results", sweep: str | None = None, **options: Unpack[Options]
) -> SweepResults:
    """Load one sweep of measured results. Needs neither torch nor Ray.

    Args:
        folder: The results: a folder, `s3://...` or `gs://...`.
        sweep: Its id; None takes the newest. `.sweeps` of what is returned lists all.
        **options: What to decide for: `aim`, `price_per_worker_hour`, `currency`, `max_workers`,
            `target`, `epochs`, as of `ray-bench report`.

    Raises:
        StoreError: If there are no results, no such sweep, or a damaged file.
        ConfigError: If the aim cannot be read.
    """
    from ray_bench.api import load_sweep

    return load_sweep(folder, sweep, options)
