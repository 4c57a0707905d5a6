"""What a sweep cannot be asked for: keys that do not go together."""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.config.schema.run_refusals import of_runs
from ray_bench.config.schema.script_refusals import of_scripts
from ray_bench.config.schema.target_refusals import of_targets
from ray_bench.config.schema.training_refusals import of_batches, of_rules
from ray_bench.config.schema.unchecked import UncheckedSweep


def complaint(config: UncheckedSweep) -> str | None:
    """Say what is wrong, the first thing of several; None: nothing is."""
    return next(_complaints(config), None)


def _complaints(config: UncheckedSweep) -> Iterator[str]:
    yield from of_runs(config)
    yield from of_batches(config)
    yield from of_scripts(config)
    yield from of_rules(config)
    yield from of_targets(config)
