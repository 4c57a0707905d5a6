"""A workload of one's own: ten noisy clusters in 64 dimensions, told apart by a small MLP."""

import torch
from torch import nn

from ray_bench.workloads.base import Evaluation, ShardedBatches, WorkloadDefaults, eval_shard


def samples(count, seed):
    """Return inputs of shape (count, 64) and their classes; the same on every rank."""
    centres = torch.randn(10, 64, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(10, (count,), generator=generator)
    return centres[targets] + 3 * torch.randn(count, 64, generator=generator), targets


class MyWorkload:
    """The class that `workload=my_workload:MyWorkload` names."""

    defaults = WorkloadDefaults(batch_size=256, lr=0.05, epochs=3)  # may be left out

    def build(self, context):
        """Return the model, this rank's batches, and the loss."""
        module = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 10))
        batches = ShardedBatches(*samples(20_000, seed=1), context, dataset="clusters")
        return module, batches, nn.functional.cross_entropy

    @torch.inference_mode()
    def evaluate(self, module, context):
        """Count this rank's share of the validation set; this method may be left out."""
        inputs, targets = samples(2_000, seed=2)
        share = eval_shard(len(targets), context)
        outputs, mine = module(inputs[share].to(context.device)).cpu(), targets[share]
        loss = nn.functional.cross_entropy(outputs, mine, reduction="sum")
        correct = (outputs.argmax(1) == mine).sum()
        return Evaluation(num_samples=len(mine), num_correct=int(correct), loss_sum=float(loss))
