"""The planted truth: an accelerator emulated by sleeping, with a real gradient all-reduce.

A sleeping rank needs no core, so that two cores can hold eight ranks, and what slows the curve is
known because it was put there (`EmulatedConfig`). Every run of it carries the flag `emulated`.

    one worker's step = serial_s + compute_s_per_sample * batch + loader_s

A third of the compute is the forward pass. The backward pass goes through `num_buckets` layers, and
layer k, counted from 1 at the input, has k * bucket_bytes of gradients: give `ddp.bucket_cap_mb` no
more than `bucket_bytes` and each is a bucket of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, final

import torch

from ray_bench.config.groups import EmulatedConfig
from ray_bench.workloads.base import BuildContext, LossFn, ShardedBatches
from ray_bench.workloads.wire import VirtualWire

FORWARD_FRAC = 1 / 3
NUM_BATCHES = 64
FLOAT_BYTES = 4


@final
class _Device:
    """The timeline of a device with a queue: the host sleeps until a piece of work is done.

    Host work behind the queue costs nothing, as with a real accelerator: the next step begins when
    the device is free, not when Python comes to it, unless Python is late by more than the queue.
    """

    QUEUE_S = 0.02

    def __init__(self) -> None:
        self.free_at_s = 0.0

    def drain(self) -> None:
        """Forget the queue: the next step begins when it is asked for, and catches nothing up."""
        self.free_at_s = 0.0

    def start_step(self) -> None:
        now_s = time.perf_counter()
        if now_s - self.free_at_s > self.QUEUE_S:
            self.free_at_s = now_s

    def work(self, seconds: float) -> None:
        self.free_at_s += seconds
        self.wait()

    def wait(self) -> None:
        time.sleep(max(0.0, self.free_at_s - time.perf_counter()))


class _SleepingLayer(torch.autograd.Function):
    """Adds the mean of its weights, and lets the device work in both directions."""

    @staticmethod
    def forward(
        ctx: Any,
        values: torch.Tensor,
        weights: torch.Tensor,
        work_forward: Callable[[], None],
        work_backward: Callable[[], None],
    ) -> torch.Tensor:
        work_forward()
        ctx.work_backward = work_backward
        ctx.weights_shape = weights.shape
        return values + weights.mean()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (grad,) = grads
        ctx.work_backward()
        count = ctx.weights_shape.numel()
        return grad, (grad.sum() / count).expand(ctx.weights_shape).contiguous(), None, None


@final
class _SleepingModel(torch.nn.Module):
    def __init__(self, planted: EmulatedConfig, device: _Device, slowdown: float) -> None:
        super().__init__()
        self.planted = planted
        self.device = device
        self.slowdown = slowdown
        self.is_reducing = False  # the communication hook was called in this backward pass
        self.layers = torch.nn.ParameterList(
            torch.zeros((k + 1) * planted.bucket_bytes // FLOAT_BYTES)
            for k in range(planted.num_buckets)
        )

    def train(self, mode: bool = True) -> _SleepingModel:
        """Begin an epoch or a turn with an idle device, as a clock that synchronises leaves it."""
        self.device.drain()
        return super().train(mode)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.is_reducing = False
        self.device.start_step()
        self.device.work(self.planted.serial_s)
        compute_s = len(inputs) * self.planted.compute_s_per_sample * self.slowdown
        layer_s = compute_s / len(self.layers)
        values = inputs
        for weights in self.layers:
            values = _SleepingLayer.apply(
                values,
                weights,
                lambda: self.device.work(layer_s * FORWARD_FRAC),
                lambda: self._work_backward(layer_s * (1 - FORWARD_FRAC)),
            )
        return values

    def _work_backward(self, seconds: float) -> None:
        self.device.work(seconds * (1 + self.planted.contention_frac * self.is_reducing))


@final
class _WaitedBatches(ShardedBatches):
    """Batches that a loader takes `loader_s` for, whatever their size."""

    def waiting(self, device: _Device, loader_s: float) -> _WaitedBatches:
        """Let the device of this rank wait for every batch."""
        self._device, self._loader_s = device, loader_s
        return self

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch in super().__iter__():
            if self._loader_s:
                time.sleep(self._loader_s)
                self._device.free_at_s = time.perf_counter()
            yield batch


@final
class Emulated:
    """An accelerator emulated by sleeping; see the module."""

    is_emulated = True

    def build(self, context: BuildContext) -> tuple[torch.nn.Module, Any, LossFn]:
        """Return the sleeping model, batches of zeros, and a mean square."""
        planted = context.emulated
        is_slow = context.rank == planted.straggler_rank
        device = _Device()
        slowdown = planted.straggler_slowdown if is_slow else 1.0
        self._model = _SleepingModel(planted, device, slowdown)
        num_samples = context.global_batch_size * NUM_BATCHES
        zeros = torch.zeros(num_samples, 1)
        batches = _WaitedBatches(zeros, zeros, context, dataset="emulated")
        batches.waiting(device, planted.loader_s)
        return self._model, batches, torch.nn.functional.mse_loss

    def comm_hook(self, context: BuildContext) -> Callable[[Any, Any], Any]:
        """Return the hook that reduces for real, on the virtual wire."""
        planted, model = context.emulated, self._model
        wire = VirtualWire(
            context.process_group,
            world_size=context.world_size,
            latency_s=planted.latency_s,
            gbit_per_s=planted.gbit_per_s,
        )

        def arrived(at_s: float) -> None:
            model.device.free_at_s = max(model.device.free_at_s, at_s)

        def hook(state: Any, bucket: Any) -> Any:
            del state
            model.is_reducing = True
            return wire.carry(bucket.buffer(), ready_at_s=model.device.free_at_s, arrived=arrived)

        return hook
