"""The arm of our path in `benchmarks.naive`: the product's rank, without Ray."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from benchmarks.own_path import OwnTurns, train_in_turns
from ray_bench.train.group import Group


def main() -> None:
    """Train until there are no more turns, or all epochs."""
    job = json.loads(Path(sys.argv[1]).read_text())
    group = Group(rank=0, world_size=1, local_rank=0, device=torch.device("cpu"))
    turns = OwnTurns(job, group)
    data = train_in_turns(job, group, turns)
    if data is not None:
        run = data.run
        turns.answer({"val_accuracy_frac": run.final_val_accuracy_frac, "train_s": run.train_s})


if __name__ == "__main__":
    main()
