"""A small language model of bytes, trained on the running Python's standard library.

A decoder after Radford et al. 2019 (GPT-2): norms before each part, learned positions, one table
for input and output. It has no dropout, so that a step does not depend on how a batch is shared.
A sample is a sequence; the loss is in bits per byte.
"""

from __future__ import annotations

import math
from typing import Any, final

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional

from ray_bench.config.groups import WorkloadDefaults
from ray_bench.errors import RankDisagreementError
from ray_bench.workloads.arrays import Bytes
from ray_bench.workloads.base import BuildContext, Evaluation, LossFn, ShardedBatches, eval_shard
from ray_bench.workloads.catalog import BUILTIN
from ray_bench.workloads.models import seeded
from ray_bench.workloads.stdlib_text import Corpus, corpus, sequences

LENGTH = 128  # bytes
NUM_TRAIN, NUM_VAL = 8_192, 512  # sequences
_WIDTH, _HEADS, _LAYERS, _BYTES = 128, 4, 4, 256
_EVAL_BATCH = 64


class Block(nn.Module):
    """Attention to earlier bytes, and a layer for each byte; both are added to what comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(_WIDTH) for _ in range(2))
        self.attend = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.mix = nn.Linear(_WIDTH, _WIDTH)
        self.widen = nn.Linear(_WIDTH, 4 * _WIDTH)
        self.narrow = nn.Linear(4 * _WIDTH, _WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape (batch, length, width), as it came."""
        batch, length, _ = x.shape
        heads = self.attend(self.norms[0](x)).view(batch, length, 3, _HEADS, -1)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mix(found.transpose(1, 2).reshape(batch, length, _WIDTH))
        mixed: torch.Tensor = x + self.narrow(functional.gelu(self.widen(self.norms[1](x))))
        return mixed


class ByteGpt(nn.Module):
    """Scores of the next byte, shape (batch, length, 256), for bytes of shape (batch, length)."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(_BYTES, _WIDTH)
        self.places = nn.Parameter(torch.zeros(LENGTH, _WIDTH))
        blocks = [Block() for _ in range(_LAYERS)]
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(_WIDTH)
        self.apply(_start)
        nn.init.normal_(self.places, std=0.01)
        for block in blocks:  # 2 x layers are added up
            for part in (block.mix, block.narrow):
                nn.init.normal_(part.weight, std=0.02 / math.sqrt(2 * _LAYERS))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Score every next byte."""
        x = self.table(inputs.int()) + self.places[: inputs.shape[1]]
        return functional.linear(self.norm(self.blocks(x)), self.table.weight)


@final
class GptStdlib:
    """The workload `gpt-stdlib`."""

    @property
    def defaults(self) -> WorkloadDefaults:
        """What it trains with where the configuration is silent."""
        return BUILTIN["gpt-stdlib"].defaults

    def build(self, context: BuildContext) -> tuple[nn.Module, ShardedBatches, LossFn]:
        """Return the model, batches of sequences, and the loss in bits per byte."""
        text = corpus()
        _check_alike(text, context)
        inputs, targets = _tensors(text.train, NUM_TRAIN)
        batches = ShardedBatches(
            inputs.to(context.device), targets.to(context.device), context, dataset=text.name
        )
        return seeded(ByteGpt, context.seed).to(context.device), batches, bits_per_byte

    def num_tokens(self, batch: tuple[torch.Tensor, torch.Tensor]) -> int:
        """Return the bytes that are predicted."""
        return batch[1].numel()

    @torch.inference_mode()
    def evaluate(self, module: nn.Module, context: BuildContext) -> Evaluation:
        """Return this rank's share: sequences, and the sum of their bits per byte."""
        share = eval_shard(NUM_VAL, context)
        inputs, targets = (x[share] for x in _tensors(corpus().val, NUM_VAL))
        total, done = torch.zeros((), dtype=torch.float64, device=context.device), 0
        was_training = module.training
        module.eval()
        pairs = zip(
            torch.split(inputs, _EVAL_BATCH), torch.split(targets, _EVAL_BATCH), strict=True
        )
        for some, wanted in pairs:
            if len(some):  # a share can be empty
                outputs = module(some.to(context.device)).float()
                total += bits_per_byte(outputs, wanted.to(context.device)).double() * len(some)
                done += len(some)
                context.evaluated(done, len(inputs))
        module.train(was_training)
        return Evaluation(num_samples=len(inputs), num_correct=None, loss_sum=float(total))


def bits_per_byte(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean over sequences, which are all as long."""
    loss = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten().long())
    return loss / math.log(2)


def _tensors(text: Bytes, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    found = torch.from_numpy(sequences(text, count, LENGTH))
    return found[:, :-1], found[:, 1:]


def _start(part: nn.Module) -> None:
    if isinstance(part, nn.Linear | nn.Embedding):
        nn.init.normal_(part.weight, std=0.02)
    if isinstance(part, nn.Linear):
        nn.init.zeros_(part.bias)


def _check_alike(text: Corpus, context: BuildContext) -> None:
    """Refuse hosts whose Pythons differ: each would train on other data."""
    if context.world_size == 1 or not dist.is_initialized():
        return
    found: list[Any] = [None] * context.world_size
    dist.all_gather_object(found, text.name, group=context.process_group)
    if len(set(found)) > 1:
        raise RankDisagreementError(
            f"The ranks have different training text: {', '.join(sorted(set(found)))}. Install one "
            "Python on all hosts."
        )
