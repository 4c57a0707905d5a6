"""The cells of a sweep over somebody else's script: what it does not take is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ray_bench.config.placements import Placement
from ray_bench.config.schema import SweepConfig
from ray_bench.config.script import BATCH_FIELDS
from ray_bench.records import LrRule, Point


def script_point(
    config: SweepConfig,
    *,
    world_size: int,
    rule: LrRule,
    seed: int,
    placement: Placement,
    factor: Callable[[float], float],
) -> Point:
    """Return a cell; what the script decides itself is None until it has been measured.

    `factor` is what the rule multiplies the learning rate by, of a growth.
    """
    values: dict[str, Any] = {
        **_batch(config, world_size),
        **_rate(config, world_size, rule, factor),
        "seed": seed if "seed" in config.fields else None,
        "precision": None,
    }
    return Point(
        workload=config.workload,
        world_size=world_size,
        is_ddp=world_size > 1,  # at 1 the record says whether DDP was in it
        placement=placement.name,
        num_nodes=placement.num_nodes,
        workers_per_node=placement.workers_per_node,
        **values,
    )


def values_of(config: SweepConfig, point: Point, run_dir: str) -> Mapping[str, Any]:
    """Return what the fields of a point are filled in with."""
    return {
        "world_size": point.world_size,
        "local_batch_size": point.local_batch_size,
        "global_batch_size": point.global_batch_size,
        "lr": point.lr,
        "seed": point.seed,
        "epochs": config.epochs,
        "run_dir": run_dir,
    }


def _batch(config: SweepConfig, world_size: int) -> dict[str, Any]:
    if config.batch_size is None or not config.fields & BATCH_FIELDS:
        return {"scaling": None, "global_batch_size": None, "local_batch_size": None}
    is_weak = config.scaling == "weak"
    whole = config.batch_size * world_size if is_weak else config.batch_size
    return {
        "scaling": config.scaling,
        "global_batch_size": whole,
        "local_batch_size": whole // world_size,
    }


def _rate(
    config: SweepConfig, world_size: int, rule: LrRule, factor: Callable[[float], float]
) -> dict[str, Any]:
    if config.lr is None or "lr" not in config.fields:
        return {"lr_rule": None, "base_lr": None, "lr": None}
    is_grown = config.scaling == "weak" or config.optimizer.scale_with == "world_size"
    lr = config.lr * factor(float(world_size if is_grown else 1))
    return {"lr_rule": rule, "base_lr": config.lr, "lr": lr}
