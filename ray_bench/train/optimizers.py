"""The optimizer of a run: the workload's own, or the one that is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ray_bench.config.schema import SweepConfig
from ray_bench.config.training import OptimizerName
from ray_bench.errors import TrainingError
from ray_bench.records import Point, known
from ray_bench.train.checks import has_sparse_gradients
from ray_bench.train.lamb import Lamb
from ray_bench.train.lars import Lars
from ray_bench.workloads.base import check_optimizer

Groups = list[dict[str, Any]]


def make_optimizer(
    workload: Any, module: torch.nn.Module, point: Point, config: SweepConfig
) -> torch.optim.Optimizer:
    """Return the workload's own optimizer, or the configured one, at the rate before the rule.

    Raises:
        TrainingError: The workload has its own, and the configuration asks for another one.
    """
    own = getattr(workload, "optimizer", None)
    if own is None:
        name = config.optimizer.name or "sgd"
        return _MAKERS[name](_param_groups(module, config), module, point, config)
    asked = config.optimizer
    if asked.name not in (None, "sgd") or not asked.decay_norms_and_biases:
        key = "decay_norms_and_biases" if asked.name in (None, "sgd") else "name"
        raise TrainingError(
            f"The workload has an `optimizer` of its own, which optimizer.{key} does not change; "
            "leave the key out, or the method."
        )
    return check_optimizer(own(module, point.base_lr))


def _param_groups(module: torch.nn.Module, config: SweepConfig) -> Groups:
    """Return what is trained; norms and biases apart, where they are not to decay."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    if config.optimizer.decay_norms_and_biases:
        return [{"params": weights}]
    others = {"weight_decay": 0.0, "is_adapted": False}
    groups: Groups = [
        {"params": [weight for weight in weights if weight.ndim > 1]},
        {"params": [weight for weight in weights if weight.ndim <= 1], **others},
    ]
    return [group for group in groups if group["params"]]


def _sgd(
    groups: Groups, module: torch.nn.Module, point: Point, config: SweepConfig
) -> torch.optim.Optimizer:
    """Fused: one kernel for all parameters.

    Torch's default on CPU is a Python loop over them, eight times slower for a ResNet-18. It does
    not know sparse gradients.
    """
    return torch.optim.SGD(
        groups,
        lr=known(point.base_lr),
        momentum=config.optimizer.momentum or 0.0,
        weight_decay=config.optimizer.weight_decay or 0.0,
        nesterov=config.optimizer.nesterov,
        fused=not has_sparse_gradients(module),
    )


def _adamw(
    groups: Groups, module: torch.nn.Module, point: Point, config: SweepConfig
) -> torch.optim.Optimizer:
    _refuse_sparse(module, "adamw")
    return torch.optim.AdamW(groups, lr=known(point.base_lr), fused=True, **_adam(point, config))


def _lamb(
    groups: Groups, module: torch.nn.Module, point: Point, config: SweepConfig
) -> torch.optim.Optimizer:
    _refuse_sparse(module, "lamb")
    return Lamb(groups, lr=known(point.base_lr), **_adam(point, config))


def _lars(
    groups: Groups, module: torch.nn.Module, point: Point, config: SweepConfig
) -> torch.optim.Optimizer:
    _refuse_sparse(module, "lars")
    return Lars(
        groups,
        lr=known(point.base_lr),
        momentum=config.optimizer.momentum or 0.0,
        weight_decay=config.optimizer.weight_decay or 0.0,
        trust=config.optimizer.trust,
    )


def _adam(point: Point, config: SweepConfig) -> dict[str, Any]:
    settings = config.adam_settings(known(point.lr_rule), point.world_size)
    return {
        "betas": (settings.beta1, settings.beta2),
        "eps": settings.epsilon,
        "weight_decay": config.optimizer.weight_decay or 0.0,
    }


def _refuse_sparse(module: torch.nn.Module, name: OptimizerName) -> None:
    if has_sparse_gradients(module):
        raise TrainingError(
            f"The module has sparse gradients (Embedding with sparse=True), which {name} does not "
            "know; take optimizer.name=sgd, or leave out sparse=True."
        )


_MAKERS: Mapping[OptimizerName, Callable[..., torch.optim.Optimizer]] = {
    "sgd": _sgd,
    "adamw": _adamw,
    "lars": _lars,
    "lamb": _lamb,
}
