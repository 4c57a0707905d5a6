"""Evaluation shared over the ranks, exact to the last prediction."""

from __future__ import annotations

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
) -> Evaluation | None:
    """Return the evaluation over all ranks, or None when the workload has none.

    Every rank counts its own disjoint share and the counts are added: a sample is counted once at
    every world size. Batch statistics are averaged over the ranks first, so that all evaluate one
    function.
    """
    if not hasattr(workload, "evaluate"):
        return None
    average_buffers(module, group)
    with autocast(precision, group.device):
        mine = check_evaluation(workload.evaluate(module, context))
    has_accuracy = mine.num_correct is not None
    counts = torch.tensor(
        [mine.num_samples, mine.num_correct or 0, mine.loss_sum, has_accuracy], dtype=torch.float64
    )
    samples, correct, loss_sum, knowing = group.sum(counts).tolist()
    return Evaluation(
        num_samples=round(samples),
        num_correct=round(correct) if knowing == group.world_size else None,
        loss_sum=loss_sum,
    )
