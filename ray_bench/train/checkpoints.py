"""Checkpoints of a training after its epochs, from which the same run goes on, bit by bit on CPU.

Every rank writes a file into a folder of the epoch: rank 0 weights and optimizer, each its own
batch statistics, random generators and records. Once all have written, rank 0 names the folder in
`last.json`; so a checkpoint is whole, or it is none. The last one and the best one are kept.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from ray_bench.errors import TrainingError
from ray_bench.records import BlockRecord, EpochRecord, EvaluationRecord
from ray_bench.train.group import Group

_NAME = "last.json"
_KINDS = {kind.__name__: kind for kind in (BlockRecord, EpochRecord, EvaluationRecord)}
Kept = BlockRecord | EpochRecord | EvaluationRecord


@dataclass(frozen=True, slots=True)
class Place:
    """Where a training is: so many epochs and steps are over."""

    epoch: int
    step: int


@final
class Checkpoints:
    """Of one run.

    Args:
        folder: Of the run alone, on a disk that all ranks see.
        group: The ranks.
    """

    def __init__(self, folder: Path, group: Group) -> None:
        self._folder = folder
        self._group = group

    def save(
        self, place: Place, state: dict[str, Any], records: Iterable[Kept], *, is_best: bool
    ) -> None:
        """Write a checkpoint; all ranks call it together.

        Args:
            place: Where the training is.
            state: Tensors and plain values; of rank 0 also what all ranks have alike.
            records: Of this rank so far.
            is_best: Keep it beside the last one, instead of an earlier best one.

        Raises:
            OSError, RuntimeError: It cannot be written.
        """
        folder = self._folder / f"epoch-{place.epoch:05d}"
        folder.mkdir(parents=True, exist_ok=True)
        whole = {**state, "random": random_state(), "records": [_flat(x) for x in records]}
        _write(folder / self._file, lambda file: torch.save(whole, file))
        self._group.barrier()
        if self._group.rank == 0:
            before = self._named()
            best = folder.name if is_best else (before or {}).get("best")
            named = {"folder": folder.name, "best": best, **asdict(place)}
            named["world_size"] = self._group.world_size
            text = json.dumps(named).encode()
            _write(self._folder / _NAME, lambda file: file.write(text))
            self._remove_others({folder.name, best})
        self._group.barrier()

    def load(self) -> tuple[Place, dict[str, Any], list[Kept]] | None:
        """Return the last checkpoint of this rank, None where there is none.

        The random generators are set. All ranks call it together.

        Raises:
            TrainingError: It is of another number of ranks, or cannot be read.
        """
        named = self._named()
        if named is None:
            return None
        if named["world_size"] != self._group.world_size:
            raise TrainingError(
                f"The checkpoint in {self._folder} is of {named['world_size']} ranks, and the run "
                f"has {self._group.world_size}; remove it, or give another checkpoint.dir."
            )
        path = self._folder / named["folder"] / self._file
        try:
            state = torch.load(path, map_location=self._group.device, weights_only=True)
        except Exception as err:  # torch and pickle raise anything of a damaged file
            raise TrainingError(
                f"The checkpoint {path} cannot be read ({type(err).__name__}: {err}); remove "
                f"{self._folder} to begin anew."
            ) from err
        set_random_state(state.pop("random"))
        records = [_KINDS[kind](**values) for kind, values in state.pop("records")]
        return Place(named["epoch"], named["step"]), state, records

    @property
    def _file(self) -> str:
        return f"rank-{self._group.rank:04d}.pt"

    def _named(self) -> dict[str, Any] | None:
        path = self._folder / _NAME
        if not path.is_file():
            return None
        named: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return named

    def _remove_others(self, kept: set[str | None]) -> None:
        for folder in self._folder.glob("epoch-*"):
            if folder.name not in kept:
                shutil.rmtree(folder)


def random_state() -> dict[str, Any]:
    """Return the state of the generators of torch, Python and numpy."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Set the generators to a state."""
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.cpu().numpy().astype(np.uint32), *rest))


def _flat(record: Kept) -> tuple[str, dict[str, Any]]:
    return type(record).__name__, asdict(record)


def _write(path: Path, write: Any) -> None:
    """Write a file through to the disk, whole or not at all."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
