"""What keeps a sweep from telling when its target is reached."""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.config.metric_target import NAMES, parse_target
from ray_bench.config.schema.unchecked import UncheckedSweep


def of_targets(config: UncheckedSweep) -> Iterator[str]:
    """Yield what is wrong with `metrics.target`; a script tells metrics of its own."""
    if config.metrics.target is None or config.target is not None:
        return
    found = parse_target(config.metrics.target)
    if found.column not in NAMES:
        known = ", ".join(names[0] for names in NAMES.values())
        yield f"`metrics.target` is about {found.metric!r}, and training here tells {known}"
    if config.interleaved:
        yield (
            "`interleaved` measures speed and evaluates nothing; leave `metrics.target` or "
            "`interleaved` out"
        )
    if not config.evaluated_every and config.evaluation.every_samples is None:
        yield (
            "`metrics.target` needs evaluations and none are made; set "
            "evaluation.every_samples=10000, or epochs=2 instead of steps"
        )
