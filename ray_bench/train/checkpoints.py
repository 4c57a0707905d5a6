"""Checkpoints of a training after its epochs, from which the same run goes on, bit by bit on CPU.

Every rank writes a file: rank 0 weights and optimizer, each its own batch statistics, random
generators and records. Where the files are kept, and which of them, is up to a vault.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, final

import numpy as np
import torch

from ray_bench.errors import TrainingError
from ray_bench.records import BlockRecord, EpochRecord, EvaluationRecord
from ray_bench.train.group import Group

_KINDS = {kind.__name__: kind for kind in (BlockRecord, EpochRecord, EvaluationRecord)}
Kept = BlockRecord | EpochRecord | EvaluationRecord

#: What a vault is told of how good a checkpoint is: the higher the better, NaN where unknown.
SCORE = "score"


class Vault(Protocol):
    """Keeps the last checkpoint of a run and the best one; all ranks call it together."""

    def put(self, folder: Path, facts: Mapping[str, float]) -> None:
        """Take over this rank's files; those of all ranks are the last checkpoint from now on."""
        ...

    def last(self) -> AbstractContextManager[Path | None]:
        """Return a folder with the files of all ranks, None before the first checkpoint."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a training is: so many epochs and steps are over."""

    epoch: int
    step: int


@final
class Checkpoints:
    """Of one run.

    Args:
        vault: Where they are kept.
        group: The ranks.
        attempt: At the run, from 1.
    """

    def __init__(self, vault: Vault, group: Group, attempt: int) -> None:
        self._vault = vault
        self._group = group
        self._attempt = attempt

    def save(
        self, place: Place, state: dict[str, Any], records: Iterable[Kept], *, score: float | None
    ) -> None:
        """Write a checkpoint; all ranks call it together.

        Args:
            place: Where the training is.
            state: Tensors and plain values; of rank 0 also what all ranks have alike.
            records: Of this rank so far.
            score: How good it is, the higher the better; None is unknown.

        Raises:
            OSError, RuntimeError: It cannot be written.
        """
        whole = {
            **state,
            **asdict(place),
            "attempt": self._attempt,
            "random": random_state(),
            "records": [_flat(x) for x in records],
        }
        facts = {**asdict(place), SCORE: math.nan if score is None else score}
        with tempfile.TemporaryDirectory(prefix="ray_bench-checkpoint-") as folder:
            torch.save(whole, Path(folder) / self._file)
            self._vault.put(Path(folder), facts)

    def load(self, total_steps: int) -> tuple[Place, dict[str, Any], list[Kept]] | None:
        """Return the last checkpoint of this rank, None where there is none to go on from.

        The random generators are set. All ranks call it together. An earlier attempt that came to
        its end, and is made again, is none to go on from.

        Raises:
            TrainingError: It is of another number of ranks, or cannot be read.
        """
        with self._vault.last() as folder:
            state = None if folder is None else self._read(folder)
        if state is None:
            return None
        place = Place(state.pop("epoch"), state.pop("step"))
        if state.pop("attempt") < self._attempt and place.step >= total_steps:
            return None
        set_random_state(state.pop("random"))
        records = [_KINDS[kind](**values) for kind, values in state.pop("records")]
        return place, state, records

    def _read(self, folder: Path) -> dict[str, Any]:
        num_ranks = len(list(folder.glob("rank-*.pt")))
        if num_ranks != self._group.world_size:
            raise TrainingError(
                f"The checkpoint in {folder} is of {num_ranks} ranks, and the run has "
                f"{self._group.world_size}; give another checkpoint.dir."
            )
        path = folder / self._file
        try:
            state: dict[str, Any] = torch.load(
                path, map_location=self._group.device, weights_only=True
            )
        except Exception as err:  # torch and pickle raise anything of a damaged file
            raise TrainingError(
                f"The checkpoint {path} cannot be read ({type(err).__name__}: {err}); remove the "
                "folder of the run, or give another checkpoint.dir, to begin anew."
            ) from err
        return state

    @property
    def _file(self) -> str:
        return f"rank-{self._group.rank:04d}.pt"


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
