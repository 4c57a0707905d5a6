"""A model of the transformers library as it comes, on random tokens: the loss is in its outputs."""

import torch
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler
from transformers import GPT2Config, GPT2LMHeadModel


class TinyTransformer:
    """The class that `workload=tiny_transformer:TinyTransformer` names."""

    def build(self, context):
        """Return the model and this rank's batches, dicts of which it computes its loss."""
        config = GPT2Config(vocab_size=256, n_positions=64, n_embd=64, n_layer=2, n_head=2)
        tokens = torch.randint(256, (1024, 64), generator=torch.Generator().manual_seed(0))
        rows = [{"input_ids": row, "labels": row} for row in tokens]
        sampler = DistributedSampler(rows, context.world_size, context.rank, seed=context.seed)
        return GPT2LMHeadModel(config), DataLoader(rows, context.local_batch_size, sampler=sampler)
