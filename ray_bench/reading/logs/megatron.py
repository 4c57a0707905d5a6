"""Megatron-LM, and Megatron-DeepSpeed: the lines of `training_log` (megatron/training/training.py).

    iteration  182/ 1000 | ... | elapsed time per iteration (ms): 1270.3 | ... |
      global batch size:  1024 | ...

The elapsed time is the mean of the iterations since the line before, on the last rank, after a
barrier; evaluations and checkpoints are outside it (timers('interval-time') is stopped for them).
The global batch counts the samples of all workers and of all micro-batches. How many workers there
are is said only by `validate_args` ("using world size: 8, data-parallel size: 8, ...") and in the
dump of the arguments, so a log that begins later does not tell. Throughput in TFLOP/s is that of a
formula, not measured, and is not read. Memory is `report_memory`'s "max allocated", in MiB.
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

_ELAPSED = re.compile(r"elapsed time per iteration \((ms|s)\): *([0-9.eE+-]+)")
_ITERATION = re.compile(r"\biteration +(\d{1,12})/")
_BATCH = re.compile(r"global batch size: *(\d{1,12})")
_SIZES = re.compile(r"using world size: *(\d{1,9}).*?data-parallel[- ]size: *(\d{1,9})")
_MEMORY = re.compile(r"\| max allocated: ([0-9.]+)")
_ARGUMENTS = ("world_size", "data_parallel_size", "micro_batch_size", "seq_length")


class _Reader:
    """The lines of one run so far."""

    def __init__(self, facts: dict[str, int], first: int) -> None:
        self.facts = facts
        self.series = Series()
        self.batch: int | None = None
        self.is_ramped = False
        self.peak_mib = 0.0
        self.first_line = self.last_line = first

    def add(self, line: Line, iteration: int, elapsed: re.Match[str]) -> None:
        """Count a line of an iteration; a new global batch begins anew, as in a ramp-up."""
        seconds = positive(elapsed[2])
        if seconds is None:
            return
        batch = _BATCH.search(line.text)
        size = int(batch[1]) if batch else None
        if len(self.series) and size != self.batch:
            self.series, self.is_ramped = Series(), True
        self.batch, self.last_line = size, line.number
        self.series.add(iteration, seconds * (1e-3 if elapsed[1] == "ms" else 1.0))

    def learn(self, text: str) -> None:
        """Keep what any other line says."""
        if (memory := _MEMORY.search(text)) is not None:
            self.peak_mib = max(self.peak_mib, positive(memory[1]) or 0.0)
        elif (pair := dotted(text)) is not None and pair[0] in _ARGUMENTS:
            number = whole_number(pair[1])
            if number is not None:
                self.facts[pair[0]] = number

    def run(self, name: str) -> Run:
        """Return what these lines tell."""
        found = self.series.steady("step time", "iteration")
        workers, micro = self.facts.get("world_size"), self.facts.get("micro_batch_size")
        replicas = self.facts.get("data_parallel_size")
        is_plain = workers is not None and workers == replicas
        samples = ratio(self.batch, found.value)
        tokens = None
        if samples is not None and "seq_length" in self.facts:
            tokens = samples * self.facts["seq_length"]
        passes = self.batch // (micro * replicas) if self.batch and micro and replicas else None
        return known(
            world_size=workers,
            samples_per_s=samples,
            tokens_per_s=tokens,
            step_time_s=found.value,
            local_batch_size=micro if is_plain else None,
            global_batch_size=self.batch,
            accumulate_steps=passes if is_plain else None,
            peak_memory_bytes=int(self.peak_mib * 2**20) or None,
            framework="Megatron-LM",
            source=place(name, self.first_line, self.last_line),
            note=sentence(found.words, self._ramp(), _parallel(workers, replicas)),
        )

    def _ramp(self) -> str | None:
        if not self.is_ramped:
            return None
        return f"the global batch changed in this run; these are the lines with {self.batch}"


def _parallel(workers: int | None, replicas: int | None) -> str | None:
    if workers is None or replicas is None or workers == replicas:
        return None
    return (
        f"{workers} workers train {replicas} copies of the model, divided by tensor, pipeline or "
        "context parallelism; this is not data parallelism alone"
    )


def read(lines: Iterable[Line], name: str) -> Iterator[Run]:
    """Yield the runs of a log: another begins where iterations go back, or sizes are printed."""
    facts: dict[str, int] = {}
    reader = _Reader(facts, 1)
    for line in lines:
        text = line.text
        if (found := _iteration(text)) is not None:
            iteration, elapsed = found
            if reader.series.is_new_run(iteration):
                yield reader.run(name)
                reader = _Reader(reader.facts, line.number)
            elif not len(reader.series):
                reader.first_line = line.number
            reader.add(line, iteration, elapsed)
        elif (sizes := _SIZES.search(text)) is not None:
            if len(reader.series):
                yield reader.run(name)
            facts = {"world_size": int(sizes[1]), "data_parallel_size": int(sizes[2])}
            reader = _Reader(facts, line.number)
        else:
            reader.learn(text)
    if len(reader.series):
        yield reader.run(name)


def _iteration(text: str) -> tuple[int, re.Match[str]] | None:
    elapsed = _ELAPSED.search(text)
    found = None if elapsed is None else _ITERATION.search(text, 0, elapsed.start())
    return None if elapsed is None or found is None else (int(found[1]), elapsed)


FORMAT = LogFormat(
    "Megatron-LM",
    (b"elapsed time per iteration (",),
    re.compile(rb"elapsed time per iteration \(m?s\): "),
    read,
)
