"""What went wrong in a run, in one sentence, from Ray's nested errors."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ray.train import ControllerError, WorkerGroupError

from ray_bench.causes import is_collateral, kind_of_error, words_of
from ray_bench.errors import RayBenchError
from ray_bench.records import Status, kept_traceback

MAX_MESSAGE = 500
#: Errors that are a result of the training, which the same run would have again.
_RESULTS: Mapping[str, Status] = {
    "NonFiniteLossError": "diverged",
    "ExplodedLossError": "diverged",
    "HopelessRunError": "stopped",
}
_EXIT_CODE = re.compile(r"exit code ([1-9]\d*)")
_PROCESS = re.compile(r"\bpid: (\d+)\b.*?\bip: (\S+)")
_DETAIL = re.compile(r"Worker exit detail: (.*?)\.?(?: Some common causes.*)?$")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Failure:
    """The cause of a failed run."""

    type: str
    message: str
    rank: int | None
    status: Status = "failed"
    traceback: str | None = None  # without colours

    @property
    def is_collateral(self) -> bool:
        """Whether it only tells that another rank is gone."""
        return is_collateral(self.message)

    @property
    def is_loss(self) -> bool:
        """Whether a worker or its host was lost, which need not happen again."""
        lost = self.type in ("WorkerDied", "HostLost") or self.is_collateral
        return lost or self.status == "preempted"


def told_by(error: BaseException, rank: int) -> Failure:
    """Return what a rank that raised says of it itself: then nothing has to survive pickling."""
    lines = traceback.format_exception(error)
    kind, words = _name_and_text(_root(error))
    status = _RESULTS.get(kind, "failed")
    return Failure(kind, words, rank, status, traceback=kept_traceback("".join(lines)))


def blamed(failure: Failure, told: Mapping[int, Failure]) -> Failure:
    """Return the failure of a run: what Ray says of it, or the rank itself, which knows more.

    Args:
        failure: As Ray has it.
        told: What the ranks that raised have said, by rank.
    """
    causes = {rank: said for rank, said in told.items() if not is_collateral(said.message)}
    is_sure = failure.rank is not None and not is_collateral(failure.message)
    if causes and (not is_sure or failure.rank in causes):
        return causes.get(failure.rank, next(iter(causes.values())))  # type: ignore[arg-type]
    own = None if failure.rank is None else told.get(failure.rank)
    return own if own is not None and own.type == failure.type else failure


def describe(error: BaseException) -> Failure:
    """Return the failure that explains an error of `TorchTrainer.fit()` or of a Tune trial."""
    rank, cause = _blamed_rank(error)
    taken = any(type(link).__name__ == "PreemptionError" for link in _chain(error))
    kind, words = _name_and_text(cause)
    return Failure(kind, words, rank, "preempted" if taken else _RESULTS.get(kind, "failed"))


def _blamed_rank(error: BaseException) -> tuple[int | None, BaseException]:
    for link in _chain(error):
        if isinstance(link, WorkerGroupError) and link.worker_failures:
            # A rank that only lost its peer comes last: the others name the cause.
            ranked = sorted(
                link.worker_failures.items(),
                key=lambda item: is_collateral(words_of(_root(item[1]))),
            )
            return ranked[0][0], _root(ranked[0][1])
        if isinstance(link, ControllerError):
            return None, _root(link.controller_failure)
    return None, _root(error)


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
    text = _COLOUR.sub("", words_of(cause))
    if isinstance(cause, RayBenchError):
        return type(cause).__name__, _cut(text)
    kind = kind_of_error(cause)
    if kind == "OutOfMemory":
        return kind, (
            f"A worker ran out of memory ({_cut(text) or type(cause).__name__}); lower "
            "`batch_size`, use more workers in strong scaling, or larger hosts."
        )
    if kind == "WorkerDied":
        return kind, _how_it_died(text)
    return kind, _cut(text) or type(cause).__name__


def _how_it_died(text: str) -> str:
    """Return what Ray knows of the end of a worker's process, without its names for things."""
    code = _EXIT_CODE.search(text)
    where = _PROCESS.search(text)
    process = f"worker process {where[1]} on {where[2]}" if where else "worker process"
    detail = _DETAIL.search(text)
    said = _cut(detail[1] if detail else text)
    if code is not None:
        return f"A {process} ended itself with exit code {code[1]} ({said})."
    return (
        f"A {process} died without a Python error ({said}): the system's out-of-memory killer, a "
        "signal, a lost node, or os._exit in the workload."
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 3] + "..."
