"""Strong scaling: after the reduction every rank has the gradient of the whole batch."""

from __future__ import annotations

import pytest
import torch

from ray_bench.train.group import Group
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.train.test_loop import alone, request, train

#: 840 is shared by 1 to 8 ranks without a rest; the last batch of 160 is not.
BATCH, NUM_SAMPLES = 840, 1000


class Noting(TinyWorkload):
    """Notes the gradient that every optimizer step is given."""

    def optimizer(self, module, lr):
        optimizer = torch.optim.SGD(module.parameters(), lr=lr, momentum=0.9)
        self.gradients: list[torch.Tensor] = []
        optimizer.register_step_pre_hook(lambda *_: self.gradients.append(self._now(module)))
        return optimizer

    @staticmethod
    def _now(module) -> torch.Tensor:
        return torch.cat([weight.grad.flatten().clone() for weight in module.parameters()])


def gradients(group: Group, steps: int = 1) -> list[list[float]]:
    """Of the two batches of an epoch, twice."""
    workload = Noting(NUM_SAMPLES)
    values = {"batch_size": BATCH, "epochs": 2, "accumulate_steps": steps}
    train(request(group.world_size, **values), workload, group)
    return [gradient.tolist() for gradient in workload.gradients]


@pytest.fixture(scope="module")
def whole():
    return torch.tensor(gradients(alone()))


slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("world_size", "steps"),
    [
        (1, 8),
        (2, 1),
        (2, 4),
        (8, 1),
        (8, 3),
        *(pytest.param(n, 1, marks=slow) for n in (3, 4, 5, 6, 7)),
        *(pytest.param(n, k, marks=slow) for n, k in ((3, 2), (4, 5), (5, 4), (6, 7), (7, 3))),
    ],
)
def test_ranks_have_the_gradient_of_one_process_on_the_whole_batch(
    tmp_path, whole, world_size, steps
):
    if world_size == 1:
        found = [gradients(alone(), steps)]
    else:
        found = run_ranks(lambda group: gradients(group, steps), world_size, tmp_path)
    for mine in found:
        assert len(mine) == len(whole) == 4
        assert mine == found[0]  # bit by bit: all ranks make one step
        assert torch.allclose(torch.tensor(mine), whole, rtol=1e-4, atol=1e-6)
        assert whole.abs().max() > 0.01
