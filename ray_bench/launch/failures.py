"""What went wrong in a run, in one sentence, from Ray's nested errors."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import ray
from ray.train import ControllerError, WorkerGroupError

from ray_bench.errors import RayBenchError

MAX_MESSAGE = 500
MAX_TRACEBACK = 16_000
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "outofmemory", "not enough memory")
#: What peers report when another rank has died; never the cause itself.
_COLLATERAL = ("gloo", "connection closed by peer", "connection reset by peer", "nccl")


@dataclass(frozen=True, slots=True)
class Failure:
    """The cause of a failed run."""

    type: str
    message: str
    rank: int | None
    traceback: str | None = None  # without colours


def told_by(error: BaseException, rank: int) -> Failure:
    """Return what a rank that raised says of it itself: then nothing has to survive pickling."""
    lines = traceback.format_exception(error)
    return Failure(*_name_and_text(_root(error)), rank, _plain("".join(lines)))


def blamed(failure: Failure, told: Mapping[int, Failure]) -> Failure:
    """Return the failure of a run: what Ray says of it, or the rank itself, which knows more.

    Args:
        failure: As Ray has it.
        told: What the ranks that raised have said, by rank.
    """
    causes = {rank: said for rank, said in told.items() if not _speaks_of_peers(said.message)}
    is_sure = failure.rank is not None and not _speaks_of_peers(failure.message)
    if causes and (not is_sure or failure.rank in causes):
        return causes.get(failure.rank, next(iter(causes.values())))  # type: ignore[arg-type]
    own = None if failure.rank is None else told.get(failure.rank)
    return own if own is not None and own.type == failure.type else failure


def describe(error: BaseException) -> Failure:
    """Return the failure that explains an error of `TorchTrainer.fit()` or of a Tune trial."""
    rank, cause = _blamed_rank(error)
    return Failure(*_name_and_text(cause), rank)


def _blamed_rank(error: BaseException) -> tuple[int | None, BaseException]:
    for link in _chain(error):
        if isinstance(link, WorkerGroupError) and link.worker_failures:
            # A rank that only lost its peer comes last: the others name the cause.
            ranked = sorted(link.worker_failures.items(), key=lambda item: _is_collateral(item[1]))
            return ranked[0][0], _root(ranked[0][1])
        if isinstance(link, ControllerError):
            return None, _root(link.controller_failure)
    return None, _root(error)


def _is_collateral(error: BaseException) -> bool:
    return _speaks_of_peers(str(_root(error)))


def _speaks_of_peers(text: str) -> bool:
    return any(word in text.lower() for word in _COLLATERAL)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        current = getattr(current, "cause", None) or current.__cause__


def _root(error: BaseException) -> BaseException:
    for link in _chain(error):
        if isinstance(link, RayBenchError):
            return link
    last = error
    for link in _chain(error):
        wraps = getattr(link, "health_check_failure", None) or getattr(link, "cause", None)
        last = wraps if isinstance(wraps, BaseException) else link
    return last


def _name_and_text(cause: BaseException) -> tuple[str, str]:
    name, text = type(cause).__name__, " ".join(str(cause).split())
    lowered = f"{name} {text}".lower()
    if isinstance(cause, MemoryError) or any(word in lowered for word in _OUT_OF_MEMORY):
        return "OutOfMemory", (
            f"A worker ran out of memory ({_cut(text) or name}); lower `batch_size`, use more "
            "workers in strong scaling, or larger hosts."
        )
    if isinstance(cause, ray.exceptions.ActorDiedError | ray.exceptions.WorkerCrashedError):
        return "WorkerDied", (
            f"A worker process died without a Python error ({_cut(text)}); often the system's "
            "out-of-memory killer or a lost node."
        )
    return name, _cut(text) or name


def _plain(text: str) -> str:
    """The end of a traceback names the cause; what is cut is in its middle."""
    text = _COLOUR.sub("", text)
    if len(text) <= MAX_TRACEBACK:
        return text
    half = MAX_TRACEBACK // 2
    return f"{text[:half]}\n...\n{text[-half:]}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 3] + "..."
