"""How long bf16 autocast takes on this CPU against fp32: measured, as no flag of it tells.

Forward and backward of a layer on one thread, as a worker with one CPU computes them. The two
take turns, so that a change of the clock hits both; each pair gives one ratio. The thread's own
processor time counts, in which other programs have no part.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from ray_bench.stats.means import median_estimate

_BUDGET_S = 0.3
_LEAST_PAIRS = 8
_MOST_PAIRS = 100
#: Allocation and the choice of kernels.
_UNTIMED_PAIRS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bf16Time:
    """Time of bf16 over that of fp32 for one kind of work, with its 95 % interval."""

    work: str
    ratio: float
    low: float
    high: float

    @property
    def is_faster(self) -> bool:
        """Whether bf16 is surely quicker."""
        return self.high < 1

    @property
    def is_slower(self) -> bool:
        """Whether bf16 is surely slower."""
        return self.low > 1


def bf16_times() -> tuple[Bf16Time, ...]:
    """Time a convolution with normalisation, and a matrix product; takes less than a second."""
    with _one_thread(), torch.random.fork_rng(devices=[]):
        images = torch.randn(8, 64, 16, 16).to(memory_format=torch.channels_last)
        block = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU())
        return (
            _compared("a convolution", block.to(memory_format=torch.channels_last), images),
            _compared("a matrix product", nn.Linear(512, 512), torch.randn(256, 512)),
        )


def _compared(work: str, layer: nn.Module, inputs: torch.Tensor) -> Bf16Time:
    begin_ns, log_ratios = time.perf_counter_ns(), list[float]()
    for pair in range(_MOST_PAIRS + _UNTIMED_PAIRS):
        is_late = (time.perf_counter_ns() - begin_ns) * 1e-9 > _BUDGET_S
        if is_late and len(log_ratios) >= _LEAST_PAIRS:
            break
        order = (False, True) if pair % 2 == 0 else (True, False)
        seconds = {is_bf16: _pass_s(layer, inputs, is_bf16=is_bf16) for is_bf16 in order}
        if pair >= _UNTIMED_PAIRS:
            log_ratios.append(math.log(seconds[True] / seconds[False]))
    return ratio_of(work, log_ratios)


def ratio_of(work: str, log_ratios: list[float]) -> Bf16Time:
    """Return the median of ratios, with an interval between two of them that holds any median.

    A pair that was disturbed moves neither far.

    Args:
        work: What was timed.
        log_ratios: ln(time of bf16 / time of fp32) of each pair, six or more for 95 %.
    """
    ratio = median_estimate(log_ratios).mapped(math.exp)
    assert ratio.low is not None, "six or more"
    assert ratio.high is not None, "six or more"
    return Bf16Time(work=work, ratio=ratio.value, low=ratio.low, high=ratio.high)


def _pass_s(layer: nn.Module, inputs: torch.Tensor, *, is_bf16: bool) -> float:
    begin_ns = time.thread_time_ns()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_bf16):
        outputs = layer(inputs)
    outputs.float().sum().backward()
    layer.zero_grad(set_to_none=True)
    return (time.thread_time_ns() - begin_ns) * 1e-9


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
