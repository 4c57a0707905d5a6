"""`emulated`, whose ranks say where they are, and do once what a file asks of one of them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ray_bench.workloads.base import BuildContext
from ray_bench.workloads.emulated import Emulated
from tests import faulty

#: The variable that names the folder in which ranks and the test meet.
FOLDER = "RESTLESS_FOLDER"
_ORDER = "order.json"


def die() -> None:
    os.kill(os.getpid(), 9)


def break_down() -> None:
    raise ValueError("planted: this rank does not like its data")


def take_too_much() -> None:
    torch.empty(10**16)


HARMS: dict[str, Callable[[], None]] = {
    "raise": break_down,
    "exit": faulty.leave,
    "hang": faulty.hang,
    "unpicklable": faulty.raise_the_odd,
    "memory": take_too_much,
    "die": die,
}


@dataclass(frozen=True)
class Place:
    """A rank that was seen, at the moment when it said so."""

    pid: int
    rank: int
    world_size: int
    is_training: bool
    since_s: float  # Unix time

    @property
    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


def places(folder: Path) -> list[Place]:
    """Return every rank that was ever seen, the last word of each."""
    return [Place(**json.loads(path.read_text())) for path in folder.glob("rank-*.json")]


def order(folder: Path, harm: str, *, is_last: bool, is_training: bool) -> None:
    """Ask one rank of the next run, or of this one, for harm."""
    _write(folder / _ORDER, {"harm": harm, "is_last": is_last, "is_training": is_training})


def is_ordered(folder: Path) -> bool:
    """Tell whether the last order waits still for its rank."""
    return (folder / _ORDER).exists()


def _write(path: Path, value: Any) -> None:
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    unfinished.write_text(json.dumps(value))
    unfinished.rename(path)


class Restless:
    """See the module."""

    is_emulated = True

    def __init__(self) -> None:
        self._inner = Emulated()

    def build(self, context: BuildContext) -> tuple[torch.nn.Module, Any, Any]:
        self._obey(context, is_training=False)
        module, batches, loss_fn = self._inner.build(context)

        def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            self._obey(context, is_training=True)
            return loss_fn(outputs, targets)

        self._said: bool | None = None
        return module, batches, loss

    def comm_hook(self, context: BuildContext) -> Callable[[Any, Any], Any]:
        return self._inner.comm_hook(context)

    def _obey(self, context: BuildContext, *, is_training: bool) -> None:
        folder = Path(os.environ[FOLDER])
        if getattr(self, "_said", None) is not is_training:
            self._said = is_training
            here = Place(os.getpid(), context.rank, context.world_size, is_training, time.time())
            _write(folder / f"rank-{os.getpid()}.json", here.__dict__)
        path = folder / _ORDER
        if not path.exists():
            return
        asked = json.loads(path.read_text())
        chosen = context.world_size - 1 if asked["is_last"] else 0
        if asked["is_training"] is is_training and context.rank == chosen:
            path.unlink()
            HARMS[asked["harm"]]()
