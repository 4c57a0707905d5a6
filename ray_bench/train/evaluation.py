"""Evaluation shared over the ranks, exact to the last prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ray_bench.records import Precision
from ray_bench.train.group import Group
from ray_bench.train.model import autocast, average_buffers
from ray_bench.workloads.base import BuildContext, Evaluation, check_evaluation


def evaluate(
    workload: Any,
    module: torch.nn.Module,
    context: BuildContext,
    group: Group,
    precision: Precision,
    failed: Callable[[Exception], None],
) -> Evaluation | None:
    """Return the evaluation over all ranks; None when the workload has none, or a rank's failed.

    `failed` is told of what the workload's own evaluation raised on this rank: the training does
    not end by it.

    Every rank counts its own disjoint share and the counts are added: a sample is counted once at
    every world size. Batch statistics are averaged over the ranks first, so that all evaluate one
    function.
    """
    if not hasattr(workload, "evaluate"):
        return None
    average_buffers(module, group)
    mine = None
    try:
        with autocast(precision, group.device):
            mine = check_evaluation(workload.evaluate(module, context))
    except Exception as err:  # noqa: BLE001  # whatever it is, it is no part of the training
        failed(err)
    samples, correct, loss_sum, knowing, done = group.sum(_counts(mine)).tolist()
    if done < group.world_size:
        return None
    return Evaluation(
        num_samples=round(samples),
        num_correct=round(correct) if knowing == group.world_size else None,
        loss_sum=loss_sum,
    )


def _counts(mine: Evaluation | None) -> torch.Tensor:
    """Return what the ranks add up; the last one is whether this rank has evaluated."""
    if mine is None:
        return torch.zeros(5, dtype=torch.float64)
    has_accuracy = mine.num_correct is not None
    values = [mine.num_samples, mine.num_correct or 0, mine.loss_sum, has_accuracy, 1]
    return torch.tensor(values, dtype=torch.float64)
