"""Logs of training programs, read as runs: one module a format, `read_log` chooses.

Imports errors, and nothing above them.
"""

from __future__ import annotations

from pathlib import Path

from ray_bench.errors import DataError
from ray_bench.reading.logs import (
    ddp_benchmark,
    deepspeed,
    horovod,
    megatron,
    mlperf,
    nccl_tests,
    torchtitan,
    trainer_state,
)
from ray_bench.reading.logs.lines import holds, lines_of, matches
from ray_bench.reading.logs.run import KEYS, LogFormat, Run

#: Megatron-DeepSpeed writes the lines of both; Megatron's are per iteration.
FORMATS: tuple[LogFormat, ...] = (
    megatron.FORMAT,
    torchtitan.FORMAT,
    mlperf.FORMAT,
    ddp_benchmark.FORMAT,
    horovod.FORMAT,
    deepspeed.FORMAT,
)
NAMES = (*(x.name for x in FORMATS), trainer_state.NAME)
#: A log with more runs is no log of a few restarts, and nothing here is made for it.
MAX_RUNS = 10_000
__all__ = ["KEYS", "NAMES", "Run", "read_log"]


def read_log(text_head: str, file: Path) -> list[Run] | None:
    """Read the log of a training program.

    Args:
        text_head: The beginning of the file as text; it is looked at first.
        file: The file. It may be large: lines are read one by one.

    Returns:
        A dictionary a run with some of KEYS, in the order of the file; restarts are runs of their
        own. None: it is no log of a format that is known.

    Raises:
        CorruptDataError: It begins like one, and cannot be read.
        DataError: It is a log, but no line in it tells a speed, or it is that of a network.
    """
    head = text_head.encode("utf-8", errors="replace")
    if b"\x00" in head:
        return None
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and holds(file, trainer_state.WORDS):
        return trainer_state.read_state(file)
    found = _format(head, file)
    if found is None:
        _refuse_network(head, file)
        return None
    runs: list[Run] = []
    for run in found.read(lines_of(file), file.name):
        runs.append(run)
        if len(runs) > MAX_RUNS:
            raise DataError(
                f"{file.name} holds more than {MAX_RUNS} runs of {found.name}; give a part of it."
            )
    if not runs:
        raise DataError(
            f"{file.name} looks like a log of {found.name}, but no line in it tells a speed; see "
            "docs/reading_logs.md for the lines that are read."
        )
    return _with_alike_batches(runs)


def _with_alike_batches(runs: list[Run]) -> list[Run]:
    """Leave out the batch of a worker where only some runs tell it and all tell the global one."""
    told = ["local_batch_size" in run for run in runs]
    if all(told) or not any(told) or not all("global_batch_size" in run for run in runs):
        return runs
    own = ("local_batch_size", "accumulate_steps")
    return [{key: value for key, value in run.items() if key not in own} for run in runs]


def _refuse_network(head: bytes, file: Path) -> None:
    if nccl_tests.MARK.search(head):
        raise DataError(
            f"{file.name} is the output of nccl-tests: a network, and no training. Give it to "
            f"`ray-bench predict --network {file.name}` or `ray-bench network --nccl-tests "
            f"{file.name}`."
        )


def _format(head: bytes, file: Path) -> LogFormat | None:
    """Return the first format of which a mark is in the head, else in the file."""
    for one in FORMATS:
        if one.mark.search(head):
            return one
    seen = holds(file, {word for x in FORMATS for word in x.words})
    likely = [x for x in FORMATS if seen.intersection(x.words)]
    return next((x for x in likely if matches(file, x.mark)), None)
