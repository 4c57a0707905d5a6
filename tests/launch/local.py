"""Ray's local mode: a trainer whose only worker is this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.trial import make_trainer


def fit_here(
    loop: Callable[[dict[str, Any]], Any], config: SweepConfig, asked: dict[str, Any], folder: Path
) -> Any:
    """Return what the loop returns."""
    trainer = make_trainer(
        config,
        num_workers=0,
        use_gpu=False,
        loop=loop,
        loop_config=asked,
        name="local",
        scratch_dir=str(folder),
    )
    return trainer.fit().return_value
