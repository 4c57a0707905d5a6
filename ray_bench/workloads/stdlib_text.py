"""The running Python's own standard library as text: nothing is shipped, nothing is fetched.

Modules, not lines, are training or validation data, by a hash of their names: so what is validated
on was never seen, and stays the same where other modules come or go.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ray_bench.errors import MissingDataError
from ray_bench.workloads.arrays import Bytes

_LEFT_OUT = frozenset(
    {"test", "tests", "idlelib", "site-packages", "dist-packages", "__pycache__", "ensurepip"}
)
#: One module in so many is for validation.
_VALIDATION_SHARE = 10
_LEAST_BYTES = 2**20


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Corpus:
    """Bytes of all modules of a part, one after the other, in the order of their names.

    Attributes:
        train: uint8, shape (num_bytes,).
        val: The same.
        sha256: Of both, in hexadecimal.
    """

    train: Bytes
    val: Bytes
    sha256: str

    @property
    def name(self) -> str:
        """What goes into the records."""
        return f"standard library of Python {platform.python_version()}, sha256 {self.sha256[:12]}"


@lru_cache(maxsize=1)
def corpus() -> Corpus:
    """Read the sources of the running Python.

    Raises:
        MissingDataError: They are not there.
    """
    return read(Path(sysconfig.get_paths()["stdlib"]))


def read(folder: Path) -> Corpus:
    """Read the modules of a folder.

    Raises:
        MissingDataError: It has less than 1 MiB of them.
    """
    parts: dict[bool, list[bytes]] = {False: [], True: []}
    for path in sorted(_sources(folder)):
        module = path.relative_to(folder).parts[0].removesuffix(".py")
        parts[_is_validation(module)].append(path.read_bytes())
    train, val = (b"".join(parts[key]) for key in (False, True))
    if min(len(train), len(val) * _VALIDATION_SHARE) < _LEAST_BYTES:
        raise MissingDataError(
            f"The sources of Python's standard library are not in {folder} ({len(train)} bytes of "
            "training text found): run with a Python that has them, or take another workload."
        )
    digest = hashlib.sha256(train)
    digest.update(val)
    return Corpus(train=_array(train), val=_array(val), sha256=digest.hexdigest())


def _sources(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        yield from (Path(place, name) for name in names if name.endswith(".py"))


def sequences(text: Bytes, count: int, length: int) -> Bytes:
    """Return so many sequences at even distances, each with the byte that follows it.

    Args:
        text: shape (num_bytes,).
        count: Sequences.
        length: Bytes of each, without the one that follows.

    Returns:
        uint8, shape (count, length + 1); sequences overlap where the text is short.
    """
    starts = np.linspace(0, len(text) - length - 1, count).astype(np.int64)
    found: Bytes = text[starts[:, None] + np.arange(length + 1)]
    return found


def _is_validation(module: str) -> bool:
    digest = hashlib.sha256(module.encode()).digest()
    return digest[0] % _VALIDATION_SHARE == 0


def _array(text: bytes) -> Bytes:
    return np.frombuffer(text, dtype=np.uint8)
