"""A Hugging Face Trainer, unchanged: a small GPT-2 from its configuration, random tokens.

ray-bench run 'world_sizes=[1,2]' batch_size=16 scaling=weak steps=100 -- \
    examples/scripts/huggingface.py --batch-size {local_batch_size} --output-dir {run_dir}
"""

from __future__ import annotations

import argparse

import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

LENGTH, WORDS = 32, 200


class RandomTokens(Dataset):
    """Sequences of one length."""

    def __init__(self, num_sequences: int) -> None:
        random = torch.Generator().manual_seed(0)
        self.ids = torch.randint(WORDS, (num_sequences, LENGTH), generator=random)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        ids = self.ids[index]
        return {"input_ids": ids, "labels": ids, "attention_mask": torch.ones_like(ids)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--accumulate", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--output-dir", default="trainer_output")
    args = parser.parse_args()

    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=WORDS, n_positions=LENGTH, n_embd=32, n_layer=2, n_head=2)
    )
    arguments = TrainingArguments(
        output_dir=args.output_dir,
        num_train_epochs=args.epochs,
        per_device_train_batch_size=args.batch_size // args.accumulate,
        gradient_accumulation_steps=args.accumulate,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_steps=200,
    )
    Trainer(model=model, args=arguments, train_dataset=RandomTokens(1024)).train()


if __name__ == "__main__":
    main()
