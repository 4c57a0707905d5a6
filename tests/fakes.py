"""Test doubles: a clock that is turned by hand and small workloads."""

from __future__ import annotations

import torch

from ray_bench.config.groups import WorkloadDefaults
from ray_bench.workloads.base import BuildContext, Evaluation, ShardedBatches, eval_shard


class FakeClock:
    """A clock that advances by `tick_ns` at each reading and by what `advance` adds."""

    def __init__(self, tick_ns: int = 0) -> None:
        self.time_ns = 0
        self.tick_ns = tick_ns
        self.num_synchronized = 0

    def now_ns(self) -> int:
        self.time_ns += self.tick_ns
        return self.time_ns

    def advance(self, seconds: float) -> None:
        self.time_ns += round(seconds * 1e9)

    def synchronize(self) -> None:
        self.num_synchronized += 1


class TinyWorkload:
    """Ten-class linear softmax on random blobs; `num_samples` and `width` change what it costs."""

    defaults = WorkloadDefaults(batch_size=12, lr=0.1, epochs=2)

    def __init__(self, num_samples: int = 50, width: int = 8) -> None:
        self.num_samples = num_samples
        self.width = width

    def data(self, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        targets = torch.randint(10, (self.num_samples,), generator=generator)
        centres = torch.randn(10, self.width, generator=torch.Generator().manual_seed(99))
        noise = torch.randn(self.num_samples, self.width, generator=generator)
        return centres[targets] + 0.3 * noise, targets

    def build(self, context: BuildContext):
        inputs, targets = self.data(0)
        module = torch.nn.Sequential(
            torch.nn.Linear(self.width, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)
        )
        return module, ShardedBatches(inputs, targets, context), torch.nn.functional.cross_entropy

    def evaluate(self, module: torch.nn.Module, context: BuildContext) -> Evaluation:
        inputs, targets = self.data(1)
        share = eval_shard(len(inputs), context)
        with torch.inference_mode():
            outputs = module(inputs[share])
        return Evaluation(
            num_samples=len(outputs),
            num_correct=int((outputs.argmax(1) == targets[share]).sum()),
            loss_sum=float(
                torch.nn.functional.cross_entropy(outputs, targets[share], reduction="sum")
            ),
        )
