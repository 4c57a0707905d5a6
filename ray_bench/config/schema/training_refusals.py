"""What cannot be asked of batches, and of how the optimizer follows them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ray_bench.config import accumulation
from ray_bench.config.lr_rules import rule_of
from ray_bench.config.schema.unchecked import UncheckedSweep


def of_batches(config: UncheckedSweep) -> Iterator[str]:
    """Yield what is wrong with how batches are shared and cut."""
    batch, sizes = config.batch_size, config.world_sizes
    odd = [n for n in sizes if config.scaling == "strong" and batch is not None and batch % n]
    if odd:
        yield (
            f"batch_size {batch} (global, strong scaling) is not divisible "
            f"by world size {odd[0]}; take a multiple of {math.lcm(*sizes)}"
        )
    weak = config.scaling == "weak"
    found = accumulation.complaint(
        config.accumulate_steps,
        config.max_local_batch_size,
        [] if batch is None else [batch if weak else batch // n for n in sizes],
        has_graphs="reduce-overhead" in config.compile,
    )
    if found is not None:
        yield found


def of_rules(config: UncheckedSweep) -> Iterator[str]:
    """Yield what is wrong with learning-rate rules, and with what else follows the batch."""
    yield from _base(config)
    if config.schedule.name == "one-cycle" and config.optimizer.warmup_epochs is not None:
        yield (
            "`schedule.name=one-cycle` has its own warm-up, of the share schedule.peak_frac of "
            "the run; leave out optimizer.warmup_epochs"
        )
    yield from _watched_gradients(config)
    if config.batch_size is not None and config.optimizer.is_adam_like:
        yield from _betas(config)


def _base(config: UncheckedSweep) -> Iterator[str]:
    optimizer = config.optimizer
    has_base = config.scaling == "weak" or optimizer.base_batch_size is not None
    needing = [rule for rule in config.lr_rules if rule not in ("none", "linear", "sqrt")]
    if needing and not has_base and optimizer.scale_with == "global_batch":
        yield (
            f"the rule {needing[0]} follows the growth of the global batch over a base batch, "
            "and in strong scaling none is known; set optimizer.base_batch_size to the batch "
            "that `lr` was chosen for, or scaling=weak"
        )


def _watched_gradients(config: UncheckedSweep) -> Iterator[str]:
    is_adaptive = any(rule_of(rule).is_adaptive for rule in config.lr_rules)
    if is_adaptive and config.optimizer.name not in (None, "sgd"):
        yield (
            f"the rule adascale is one for sgd, got optimizer.name={config.optimizer.name}; take "
            "sqrt, or optimizer.name=sgd"
        )
    if config.interleaved and (is_adaptive or config.measure.noise_curve):
        yield (
            "`interleaved` measures speed and watches no gradients; leave out the rule "
            "adascale and measure.noise_curve, or `interleaved`"
        )


def _betas(config: UncheckedSweep) -> Iterator[str]:
    for rule in config.lr_rules:
        for world_size in config.world_sizes:
            found = config.adam_settings(rule, world_size)
            if not (0 <= found.beta1 < 1 and 0 <= found.beta2 < 1):
                yield (
                    f"the rule {rule} makes 1 - beta {config.growth(world_size):g} times as large "
                    f"at world size {world_size}, and a beta falls below 0; take a smaller batch, "
                    "or another rule, such as power:0.5"
                )
