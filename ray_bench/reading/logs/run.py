"""A run as a log tells it: a dictionary with the keys below, of which a missing one is unknown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ray_bench.reading.logs.lines import Line

#: samples_per_s and tokens_per_s are of all workers together, step_time_s is that of an optimizer
#: step, local_batch_size is that of a worker and a micro-step: global_batch_size = world_size x
#: local_batch_size x accumulate_steps. peak_memory_bytes is of one worker, the largest seen.
KEYS = (
    "world_size",
    "num_nodes",
    "workers_per_node",
    "samples_per_s",
    "tokens_per_s",
    "step_time_s",
    "local_batch_size",
    "global_batch_size",
    "accumulate_steps",
    "peak_memory_bytes",
    "framework",
    "model",
    "source",
    "note",
)

Run = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A format: by what it is known, and how it is read."""

    name: str
    words: tuple[bytes, ...]  # one of them is in every log of it; quick to look for
    mark: re.Pattern[bytes]  # what nothing else writes
    read: Callable[[Iterable[Line], str], Iterator[Run]]  # lines, and the name of the file


def known(**values: Any) -> Run:
    """Return a run of what is known: keys with None are left out.

    Raises:
        KeyError: A key is not one of KEYS.
    """
    unknown = set(values) - set(KEYS)
    if unknown:
        raise KeyError(*unknown)
    return {key: values[key] for key in KEYS if values.get(key) is not None}


def sentence(*parts: str | None) -> str:
    """Return parts as sentences, the empty ones left out."""
    return " ".join(f"{x[0].upper()}{x[1:].rstrip('.')}." for x in parts if x)


def place(name: str, first: int, last: int) -> str:
    """Return where in a file something is."""
    return f"{name}, line {first}" if first == last else f"{name}, lines {first} to {last}"


def dotted(text: str) -> tuple[str, str] | None:
    """Return key and value of `  world_size ............ 8`, as Megatron and DeepSpeed print."""
    found = _DOTTED.search(text)
    return None if found is None else (found[1], found[2].strip())


#: A long key leaves no room for dots.
_DOTTED = re.compile(r"(?:^|\s)(\w+) \.* (.*)$")


def whole(text: str | None) -> int | None:
    """Return a whole number above 0 of at most 15 digits, None where it is none."""
    digits = (text or "").replace(",", "").strip()
    is_number = len(digits) <= 15 and digits.isascii() and digits.isdigit()
    return (int(digits) or None) if is_number else None


def positive(text: str | None) -> float | None:
    """Return a finite number above 0, None where it is none."""
    try:
        value = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def ratio(over: float | None, under: float | None) -> float | None:
    """Return over / under, None where one is unknown."""
    return None if over is None or under is None else over / under
