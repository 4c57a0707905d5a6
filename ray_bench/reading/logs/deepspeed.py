"""DeepSpeed: the lines of `ThroughputTimer.stop` (deepspeed/utils/timer.py), of `steps_per_print`.

    epoch=0/micro_step=40/global_step=40, RunningAvgSamplesPerSec=120.1, CurrSamplesPerSec=121.4,
      MemAllocated=2.1GB, MaxMemAllocated=9.7GB

and those of the pipeline engine (deepspeed/runtime/pipe/engine.py):

    steps: 40 loss: 9.1 iter time (s): 0.527 samples/sec: 121.4

Both divide train_batch_size, the global batch with its micro-batches, by the time of a step, so
they are totals. The timer runs from forward to step: loading data is outside it. Its running mean
still carries the first steps, so the current value is read. GB are GiB there (1024**3). The world
size is said by the launcher ("dist_world_size=8"), the batches by the dump of the configuration,
whose own world_size counts copies of the model (deepspeed/runtime/config.py) and is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ray_bench.reading.logs.lines import Line
from ray_bench.reading.logs.run import (
    LogFormat,
    Run,
    dotted,
    known,
    place,
    positive,
    ratio,
    sentence,
)
from ray_bench.reading.logs.run import whole as whole_number
from ray_bench.reading.logs.steady import Series

_STEP = re.compile(r"\bglobal_step=(\d{1,12})|\bsteps: (\d{1,12}) ")
_RATE = re.compile(r"\bCurrSamplesPerSec=([0-9.eE+-]+)|\bsamples/sec: ([0-9.eE+-]+)")
_MEMORY = re.compile(r"\bMaxMemAllocated=([0-9.]+) ?GB")
_WORLD = re.compile(r"\bdist_world_size=(\d{1,9})")
_NODES = re.compile(r"\bnnodes=(\d{1,9}), num_local_procs=(\d{1,9})")
_ARGUMENTS = (
    "train_batch_size",
    "train_micro_batch_size_per_gpu",
    "gradient_accumulation_steps",
)


class _Reader:
    """The lines of one run so far."""

    def __init__(self, facts: dict[str, int]) -> None:
        self.facts = dict(facts)
        self.series = Series()
        self.is_pipeline = False
        self.peak_gib = 0.0
        self.first_line = self.last_line = 0

    def add(self, line: Line, step: int, rate: float) -> None:
        """Count a line of a step."""
        memory = _MEMORY.search(line.text)
        self.peak_gib = max(self.peak_gib, (positive(memory[1]) if memory else None) or 0.0)
        self.is_pipeline = self.is_pipeline or "iter time" in line.text
        self.first_line = self.first_line or line.number
        self.last_line = line.number
        self.series.add(step, rate)

    def run(self, name: str) -> Run:
        """Return what these lines tell."""
        found = self.series.steady("samples per second")
        batch = self.facts.get("train_batch_size")
        micro = self.facts.get("train_micro_batch_size_per_gpu")
        passes = self.facts.get("gradient_accumulation_steps")
        world, nodes = self.facts.get("world_size"), self.facts.get("num_nodes")
        replicas = batch // (micro * passes) if batch and micro and passes else None
        is_plain = not self.is_pipeline and (world is None or replicas in (None, world))
        return known(
            world_size=world or (replicas if is_plain else None),
            num_nodes=nodes,
            workers_per_node=self.facts.get("workers_per_node") if nodes else None,
            samples_per_s=found.value,
            step_time_s=ratio(batch, found.value),
            local_batch_size=micro if is_plain else None,
            global_batch_size=batch,
            accumulate_steps=passes if is_plain else None,
            peak_memory_bytes=int(self.peak_gib * 2**30) or None,
            framework="DeepSpeed",
            source=place(name, self.first_line, self.last_line),
            note=sentence(found.words, self._outside(), self._parallel(world, replicas)),
        )

    def _outside(self) -> str | None:
        return None if self.is_pipeline else "loading data between steps is not in it"

    def _parallel(self, world: int | None, replicas: int | None) -> str | None:
        if replicas is None or world == replicas or (world is None and self.is_pipeline):
            return None
        if world is None:
            return (
                "workers are the global batch by that of a worker; the launcher's line is missing"
            )
        return (
            f"{world} workers train {replicas} copies of the model; this is not data parallelism "
            "alone"
        )


def read(lines: Iterable[Line], name: str) -> Iterator[Run]:
    """Yield the runs of a log; where several ranks write, the first that does is read."""
    reader, rank = _Reader({}), None
    for line in lines:
        found = _step(line.text)
        if found is None:
            if _begins(line.text) and len(reader.series):
                yield reader.run(name)
                reader = _Reader({})
            _learn(line.text, reader.facts)
            continue
        rank = line.rank if rank is None else rank
        if line.rank != rank:
            continue
        if reader.series.is_new_run(found[0]):
            yield reader.run(name)
            reader = _Reader(reader.facts)
        reader.add(line, *found)
    if len(reader.series):
        yield reader.run(name)


def _step(text: str) -> tuple[int, float] | None:
    rate, step = _RATE.search(text), _STEP.search(text)
    value = None if rate is None else positive(rate[1] or rate[2])
    return None if step is None or value is None else (int(step[1] or step[2]), value)


def _begins(text: str) -> bool:
    return _WORLD.search(text) is not None or _NODES.search(text) is not None


def _learn(text: str, facts: dict[str, int]) -> None:
    if (world := _WORLD.search(text)) is not None:
        facts["world_size"] = int(world[1])
    elif (nodes := _NODES.search(text)) is not None:
        facts["num_nodes"], facts["workers_per_node"] = int(nodes[1]), int(nodes[2])
    elif (pair := dotted(text)) is not None and pair[0] in _ARGUMENTS:
        number = whole_number(pair[1])
        if number is not None:
            facts[pair[0]] = number


FORMAT = LogFormat(
    "DeepSpeed",
    (b"CurrSamplesPerSec=", b"iter time (s): "),
    re.compile(rb"CurrSamplesPerSec=|\bsteps: \d+ .{0,300}iter time \(s\): "),
    read,
)
