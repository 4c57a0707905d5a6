"""From a configuration to the runs that it asks for, in a randomised and repeatable order."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from ray_bench.config.accumulation import micro_steps
from ray_bench.config.lr_rules import rule_of
from ray_bench.config.placements import ANYWHERE, Placement
from ray_bench.config.schema import SweepConfig
from ray_bench.config.script_grid import script_point
from ray_bench.config.settings import point_values
from ray_bench.config.stored import stored
from ray_bench.config.training import ScheduleConfig
from ray_bench.records import LrRule, PlannedRun, Point


def lr_factor(rule: LrRule, growth: float) -> float:
    """Return by how much a rule multiplies the learning rate.

    `growth` is that of the global batch over the base batch (`SweepConfig.growth`). Each rule's
    source is in `lr_rules`.
    """
    return rule_of(rule).factor(growth)


def point_of(
    config: SweepConfig,
    *,
    world_size: int,
    rule: LrRule,
    seed: int,
    is_ddp: bool,
    settings: Mapping[str, Any],
    placement: Placement = ANYWHERE,
) -> Point:
    """Return one cell of the grid. `config` must have its defaults filled in."""
    if config.target is not None:
        return script_point(
            config,
            world_size=world_size,
            rule=rule,
            seed=seed,
            placement=placement,
            factor=lambda growth: lr_factor(rule, growth),
        )
    assert config.batch_size is not None, "defaults are filled in before the grid is made"
    assert config.lr is not None, "defaults are filled in before the grid is made"
    global_batch = config.global_batch_of(world_size)
    share, most = global_batch // world_size, config.max_local_batch_size
    steps = settings["accumulate_steps"] if most is None else micro_steps(share, most)
    how = point_values(settings, is_ddp=is_ddp) | {"accumulate_steps": steps if steps > 1 else None}
    return Point(
        workload=config.workload,
        world_size=world_size,
        scaling=config.scaling,
        lr_rule=rule,
        seed=seed,
        is_ddp=is_ddp,
        global_batch_size=global_batch,
        local_batch_size=share,
        base_lr=config.lr,
        lr=config.lr * lr_factor(rule, config.growth(world_size)),
        placement=placement.name,
        num_nodes=placement.num_nodes,
        workers_per_node=placement.workers_per_node,
        max_local_batch_size=most,
        clip_grad_norm=config.clip_grad_norm,
        **how,
    )


def rules_coincide(config: SweepConfig) -> bool:
    """Tell whether several learning-rate rules were asked for and all give the same training.

    They do in strong scaling, where the global batch does not grow with the workers.
    """
    by_batch = config.optimizer.scale_with == "global_batch"
    base = config.optimizer.base_batch_size
    if by_batch and base not in (None, config.batch_size):
        return False
    only_one = max(config.world_sizes) == 1
    return len(config.lr_rules) > 1 and (only_one or (config.scaling == "strong" and by_batch))


def wrapped_sizes(config: SweepConfig) -> list[tuple[int, bool]]:
    """Return every world size with whether DDP wraps the module; on request 1 comes both ways."""
    wraps = [(n, n > 1) for n in config.world_sizes]
    if config.ddp.at_world_size_one and 1 in config.world_sizes:
        wraps.append((1, True))
    return wraps


#: A point and the number of its repeat.
Cell = tuple[Point, int]

#: The runs of 1 worker that show whether the machine drifts: at start, middle and end.
NUM_SENTINELS = 3


def expand(config: SweepConfig) -> tuple[PlannedRun, ...]:
    """Return every run of the sweep in the order in which it is to run.

    World sizes x learning-rate rules x seeds x settings x repeats, shuffled with
    `launch.order_seed` so that a drift of the machine does not look like scaling; runs that share
    workers stay together. World size 1 runs
    without DDP, and on request with it too. The sentinel (`measure.sentinel`), its first point,
    runs first, in the middle and last, with repeats of its own where it has fewer than three.
    """
    points = points_of(config)
    cells = [(point, repeat) for point in points for repeat in range(config.repeats)]
    launches = _launches(config, cells)
    random.Random(config.launch.order_seed).shuffle(launches)
    sentinel = _sentinel(config, points)
    if sentinel is not None:
        launches = _with_sentinel(launches, sentinel)
    return _planned(_flat(launches), first_index=0)


def further_round(
    config: SweepConfig, repeat: int, planned: Sequence[PlannedRun]
) -> tuple[PlannedRun, ...]:
    """Return one more repeat of every point, in a random order of its own.

    Args:
        config: As for `expand`.
        repeat: Its number, from `repeats` on.
        planned: All runs before it. The sentinel may have this repeat already.
    """
    known = {run.run_id for run in planned}
    launches = _launches(config, [(point, repeat) for point in points_of(config)])
    random.Random(f"{config.launch.order_seed}-{repeat}").shuffle(launches)
    runs = _planned(_flat(launches), first_index=0)
    fresh = [(run.point, run.repeat) for run in runs if run.run_id not in known]
    return _planned(fresh, first_index=len(planned))


def points_of(config: SweepConfig) -> list[Point]:
    """Return every cell of the grid once; without DDP its settings make no difference."""
    cells = itertools.product(wrapped_sizes(config), config.lr_rules, config.seeds, config.settings)
    points = (
        point_of(
            config,
            world_size=n,
            rule=rule,
            seed=seed,
            is_ddp=is_ddp,
            settings=settings,
            placement=placement,
        )
        for (n, is_ddp), rule, seed, settings in cells
        for placement in config.placements_of(n)
    )
    return list(dict.fromkeys(points))


def _sentinel(config: SweepConfig, points: Sequence[Point]) -> Point | None:
    """Return the point that is repeated, None where there is no need: it would be the only one."""
    wanted = config.measure.sentinel
    if wanted is False or (wanted is None and config.repeats == 1) or len(points) == 1:
        return None
    return next((p for p in points if p.world_size == 1 and not p.is_ddp), None)


def _with_sentinel(launches: Sequence[list[Cell]], sentinel: Point) -> list[list[Cell]]:
    """Move the launches of the sentinel's first three repeats to start, middle and end."""
    own = []
    for cell in ((sentinel, repeat) for repeat in range(NUM_SENTINELS)):
        launch = next((x for x in launches if cell in x), [])
        own.append([cell, *(other for other in launch if other != cell)])
    taken = {cell for launch in own for cell in launch}
    others = [launch for launch in launches if taken.isdisjoint(launch)]
    middle = (len(others) + 1) // 2
    return [own[0], *others[:middle], own[1], *others[middle:], own[2]]


def _flat(launches: Sequence[list[Cell]]) -> list[Cell]:
    return [cell for launch in launches for cell in launch]


def _launches(config: SweepConfig, cells: Sequence[Cell]) -> list[list[Cell]]:
    """Return what is launched together: cells that may share workers, or each alone."""
    if not config.launch.share_workers:
        return [[cell] for cell in cells]
    launches: list[list[PlannedRun]] = []
    for run in _planned(cells, first_index=0):
        fitting = next((x for x in launches if x[0].can_share_workers(run)), None)
        if fitting is None:
            launches.append([run])
        else:
            fitting.append(run)
    return [[(run.point, run.repeat) for run in launch] for launch in launches]


def _planned(cells: Sequence[Cell], *, first_index: int) -> tuple[PlannedRun, ...]:
    return tuple(
        PlannedRun(point=point, repeat=repeat, order_index=index)
        for index, (point, repeat) in enumerate(cells, start=first_index)
    )


#: Keys of the configuration that came after the first hashes, by group, with what they were before.
_LATER: Mapping[str, Mapping[str, Any]] = {
    "": {
        "placements": None,
        "workers_per_node": None,
        "accumulate_steps": [1],
        "max_local_batch_size": None,
        "clip_grad_norm": None,
        "script": None,
        "args": [],
        "train_fn": None,
        "train_fn_config": {},
        "train_fn_datasets": None,
        "until_end": False,
        "schedule": ScheduleConfig(name="constant").model_dump(mode="json"),
        "checkpoint": {"dir": None, "every": 1},
        "label_smoothing": 0.0,
        "batch_norm": "per_worker",
    },
    "optimizer": {
        "name": "sgd",
        "nesterov": False,
        "decay_norms_and_biases": True,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "hold_beta2_half_life": False,
        "trust": 0.001,
        "ema_half_life_samples": None,
        "warmup_from": None,
        "base_batch_size": None,
    },
    "evaluation": {"every_samples": None},
    "measure": {"noise_curve": False},
    "stop": {
        "diverged_factor": 1000.0,
        "hopeless_epochs": None,
        "hopeless_accuracy": None,
        "hopeless_loss": None,
        "hopeless": False,
    },
    "launch": {"labels": {}, "gpu_type": None, "tuned": True},
    "ddp": {
        "find_unused_parameters": False,
        "broadcast_buffers": False,
        "init_sync": True,
        "skip_all_reduce_unused_params": False,
        "batched_grad_copy": False,
        "lazy_bucket_allocation": False,
    },
}


def config_sha256(config: SweepConfig) -> str:
    """Return the hash that tells whether two sweeps asked for the same runs.

    Prices, trackers, targets and patience do not count: they change no run. Keys that came later
    count where they are set, so that a sweep of an older version can still be resumed.
    """
    uncounted: Any = {
        "price_per_worker_hour": True,
        "currency": True,
        "trackers": True,
        "metrics": True,
        "launch": {"wait_s"},
        "checkpoint": {"restarts"},
    }
    values = stored(config.model_dump(mode="json", exclude=uncounted))
    for part, name in (("optimizer", "sgd"), ("schedule", "constant")):
        values[part]["name"] = values[part]["name"] or name
    values["ddp"]["static_graph"] = config.ddp.has_static_graph  # not set, it was true
    for part, keys in _LATER.items():
        group = values[part] if part else values
        for key, before in keys.items():
            if group[key] == before:
                del group[key]
    if values["evaluation"] == {"every": None, "max_samples": None}:
        del values["evaluation"]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
