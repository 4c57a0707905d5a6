"""From a configuration to the runs that it asks for, in a randomised and repeatable order."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random

from ray_bench.config.schema import SweepConfig
from ray_bench.records import LrRule, PlannedRun, Point


def lr_factor(rule: LrRule, growth: float) -> float:
    """Return by how much a rule multiplies the learning rate.

    linear: k (Goyal et al. 2017, arXiv 1706.02677); sqrt: the square root of k (Krizhevsky 2014,
    arXiv 1404.5997); none: 1. k is the growth of the global batch over the reference batch.
    """
    return {"none": 1.0, "linear": growth, "sqrt": math.sqrt(growth)}[rule]


def point_of(
    config: SweepConfig, *, world_size: int, rule: LrRule, seed: int, is_ddp: bool
) -> Point:
    """Return one cell of the grid. `config` must have its defaults filled in."""
    assert config.batch_size is not None, "defaults are filled in before the grid is made"
    assert config.lr is not None, "defaults are filled in before the grid is made"
    weak = config.scaling == "weak"
    global_batch = config.batch_size * world_size if weak else config.batch_size
    by_world = config.optimizer.scale_with == "world_size"
    growth = world_size if by_world else global_batch / config.batch_size
    return Point(
        workload=config.workload,
        world_size=world_size,
        scaling=config.scaling,
        lr_rule=rule,
        seed=seed,
        precision=config.precision,
        is_ddp=is_ddp,
        global_batch_size=global_batch,
        local_batch_size=global_batch // world_size,
        base_lr=config.lr,
        lr=config.lr * lr_factor(rule, growth),
    )


def rules_coincide(config: SweepConfig) -> bool:
    """Tell whether several learning-rate rules were asked for and all give the same training.

    They do in strong scaling, where the global batch does not grow with the workers.
    """
    by_batch = config.optimizer.scale_with == "global_batch"
    only_one = max(config.world_sizes) == 1
    return len(config.lr_rules) > 1 and (only_one or (config.scaling == "strong" and by_batch))


def expand(config: SweepConfig) -> tuple[PlannedRun, ...]:
    """Return every run of the sweep in the order in which it is to run.

    World sizes x learning-rate rules x seeds x repeats, shuffled with `launch.order_seed` so that a
    drift of the machine does not look like scaling. World size 1 runs without DDP, and on request
    with it too.
    """
    wraps = [(n, n > 1) for n in config.world_sizes]
    if config.ddp.at_world_size_one and 1 in config.world_sizes:
        wraps.append((1, True))
    points = [
        point_of(config, world_size=n, rule=rule, seed=seed, is_ddp=is_ddp)
        for (n, is_ddp), rule, seed in itertools.product(wraps, config.lr_rules, config.seeds)
    ]
    cells = [(point, repeat) for point in points for repeat in range(config.repeats)]
    random.Random(config.launch.order_seed).shuffle(cells)
    return tuple(
        PlannedRun(point=point, repeat=repeat, order_index=index)
        for index, (point, repeat) in enumerate(cells)
    )


def config_sha256(config: SweepConfig) -> str:
    """Return the hash that tells whether two sweeps asked for the same runs.

    Prices do not count: they change no run.
    """
    values = config.model_dump(mode="json", exclude={"price_per_worker_hour", "currency"})
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
