"""One rank of `benchmarks.attach`: a training loop in turns, with and without the attachment.

The hooks are put in before a turn and taken out after it, as `python -m ray_bench.attach` does at
the start and the end of a script; the session beside them is one, as a script's is. So both arms
are the same model at the same addresses.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset

from benchmarks.common import turn_order
from benchmarks.own_path import leave_process_group
from ray_bench.attach.hooks import listening
from ray_bench.attach.ranks import Rank
from ray_bench.attach.session import Session, Wanted
from ray_bench.attach.summary import summary_of
from ray_bench.config.groups import MeasureConfig

ATTACHED, PLAIN = "attached", "plain"
BATCH, WIDTH, LAYERS = 32, 64, 4
WARMUP_S = 0.3
#: Of the search for the rows of a sample that make a step as long as asked.
_FIRST_ROWS, _NUM_TRIES, _CHUNK_S, _LEAST_S = 16, 3, 0.03, 1e-5
_NUM_SAMPLES = 64

Pairs = list[tuple[float, float]]


@final
class Samples(Dataset[torch.Tensor]):
    """An endless data set, so that no turn has an epoch's end in it."""

    def __init__(self, rows: int) -> None:
        self._samples = torch.randn(_NUM_SAMPLES, rows, WIDTH)

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: int) -> torch.Tensor:
        return self._samples[index % _NUM_SAMPLES]


@final
class Training:
    """A loop as people write it; a sample has `rows` rows, which decides how long a step takes.

    Attributes:
        work_s: Seconds of its processor that the thread used in the last turn.
    """

    def __init__(self, rows: int) -> None:
        torch.manual_seed(0)
        layers = (x for _ in range(LAYERS) for x in (nn.Linear(WIDTH, WIDTH), nn.ReLU()))
        net = nn.Sequential(*layers)
        self._model = DistributedDataParallel(net) if dist.is_initialized() else net
        self._optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
        self._batches = iter(DataLoader(Samples(rows), BATCH))

    def seconds(self, num_steps: int) -> float:
        """Make so many steps; return what they took."""
        begin_s, begin_work_s = time.perf_counter(), time.thread_time()
        for _ in range(num_steps):
            loss = self._model(next(self._batches)).square().mean()
            loss.backward()
            self._optimizer.step()
            self._optimizer.zero_grad()
        self.work_s = time.thread_time() - begin_work_s
        return time.perf_counter() - begin_s


def agreed(value: float) -> float:
    """Return the first rank's value on all ranks."""
    values = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(values)
    return values[0]


def rows_for(step_s: float) -> int:
    """Return how many rows a sample has, for steps of about so many seconds.

    A step's seconds grow with its rows, not quite in proportion: tried where they are to be.
    """
    least_s = agreed(_least_step_s(1, step_s))
    rows = _FIRST_ROWS
    for _ in range(_NUM_TRIES):
        more_s = agreed(_least_step_s(rows, step_s)) - least_s
        row_s = max(more_s, _LEAST_S) / (rows - 1)
        rows = max(2, 1 + round((step_s - least_s) / row_s))
    return rows


def _least_step_s(rows: int, step_s: float) -> float:
    training = Training(rows)
    steps = math.ceil(_CHUNK_S / step_s) + 1
    training.seconds(steps)
    return min(training.seconds(steps) / steps for _ in range(8))


@contextlib.contextmanager
def attached(session: Session) -> Iterator[None]:
    """Measure beside the script; the first step is not timed, as after an evaluation."""
    with listening(session):
        session.pause()
        yield


def pairs_of(job: dict[str, Any], rank: int, folder: Path) -> tuple[Pairs, Pairs]:
    """Return seconds per step of (attached, plain) in every round on this rank.

    First those of the clock, then those that its thread used of a processor.

    Raises:
        RuntimeError: The attachment has not measured what was trained.
    """
    step_s = job["step_s"]
    training = Training(rows_for(step_s))
    session = Session(
        Wanted(num_steps=None, measure=MeasureConfig(warmup_s=WARMUP_S)),
        Rank(rank, dist.get_world_size() if dist.is_initialized() else 1, rank),
        folder,
    )
    with attached(session):  # warm-up ends at five times its least length at the latest
        training.seconds(100 + math.ceil(6 * WARMUP_S / step_s))
    steps = max(4, round(job["turn_s"] / step_s))
    times_s: dict[str, list[float]] = {ATTACHED: [], PLAIN: []}
    works_s: dict[str, list[float]] = {ATTACHED: [], PLAIN: []}
    for order in turn_order((ATTACHED, PLAIN), job["rounds"], job["seed"]):
        for name in order:
            with attached(session) if name == ATTACHED else contextlib.nullcontext():
                training.seconds(2)
                times_s[name].append(training.seconds(steps) / steps)
                works_s[name].append(training.work_s / steps)
    session.close("measured")
    _check(session, job["rounds"] * steps)
    times = list(zip(times_s[ATTACHED], times_s[PLAIN], strict=True))
    return times, list(zip(works_s[ATTACHED], works_s[PLAIN], strict=True))


def _check(session: Session, least_steps: int) -> None:
    files = list(session.folder.glob("rank-*.jsonl")) if session.folder else []
    found = summary_of(files)
    if found is None or found.num_steps < least_steps or found.sources != ("indices",):
        raise RuntimeError(f"{least_steps} attached steps were made; measured: {found}")


def slowest(ranks: list[Pairs]) -> Pairs:
    """Return for every round the time of the slowest rank, arm by arm."""
    return [
        (max(top for top, _ in turns), max(bottom for _, bottom in turns))
        for turns in zip(*ranks, strict=True)
    ]


def main() -> None:
    """Measure, and let rank 0 write the answer."""
    job = json.loads(Path(sys.argv[-1]).read_text())
    torch.set_num_threads(1)
    if job["num_ranks"] > 1:
        dist.init_process_group("gloo")
    rank = dist.get_rank() if dist.is_initialized() else 0
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        own = pairs_of(job, rank, Path(folder))
    ranks: list[Any] = [own]
    if dist.is_initialized():
        ranks = [None] * dist.get_world_size()
        dist.all_gather_object(ranks, own)
    if rank == 0:
        times, works = zip(*ranks, strict=True)
        answer = {"times": slowest(list(times)), "works": works[0]}
        Path(job["answer"]).write_text(json.dumps(answer))
    if dist.is_initialized():
        leave_process_group()


if __name__ == "__main__":
    main()
