r"""torchtitan: the lines of `MetricsProcessor.log` (torchtitan/components/metrics.py).

    [rank0]:[titan] 2025-01-02 03:04:05,678 - root - INFO - step: 10  loss: 9.1  ...
      memory: 21.30GiB(26.92%)  tps: 5,432  tflops: 43.20  mfu: 13.85%

tps (wps before 2025) is "tokens per second per device": the tokens of a data-parallel rank by the
time and by the workers that share its model, so that tps x world size is the total. The world size
is the product of the degrees in "Building device mesh ..." (parallel_dims.py). Memory is the most
that the allocator had reserved since the line before, not what it had allocated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from ray_bench.reading.logs.lines import Line
from ray_bench.reading.logs.run import LogFormat, Run, known, place, positive, ratio, sentence
from ray_bench.reading.logs.run import whole as whole_number
from ray_bench.reading.logs.steady import Series

_STEP = re.compile(r"(?<!validate )\bstep: *(\d{1,12}) ")
_RATE = re.compile(r"\b[tw]ps: *([0-9.,]+)")
_MEMORY = re.compile(r"\bmemory: *([0-9.]+)GiB")
_MESH = re.compile(r"Building (?:\d+-D )?device mesh with (?:parallelism: )?(.*)")
_DEGREE = re.compile(r"\b(pp|dp_replicate|dp_shard|dp|cp|tp)=(\d{1,9})")
_LISTS = re.compile(r"\[([^\]]*)\], *\[([0-9, ]+)\]")
_FACTS = {
    "local_batch": re.compile(r"\b(?:local )?batch size:? (\d{1,12})"),
    "global_batch": re.compile(r"\bglobal batch size:? (\d{1,12})"),
    "passes": re.compile(r"\bgradient accumulation steps:? (\d{1,9})"),
    "sequence": re.compile(r"\bsequence length:? (\d{1,12})"),
    "step_tokens": re.compile(r"\b(\d{1,15}) tokens per train step"),
}
_SETTINGS = re.compile(r"Training starts at step|Trainer is initialized with")
_MODEL = re.compile(r"\bModel (\S+ \S+) size: [0-9,]+ total parameters")


class _Reader:
    """The lines of one run so far."""

    def __init__(self) -> None:
        self.facts: dict[str, int] = {}
        self.degrees: dict[str, int] = {}
        self.model: str | None = None
        self.series = Series()
        self.peak_gib = 0.0
        self.first_line = self.last_line = 0

    def add(self, line: Line, step: int, rate: float) -> None:
        """Count a line of a step."""
        memory = _MEMORY.search(line.text)
        self.peak_gib = max(self.peak_gib, (positive(memory[1]) if memory else None) or 0.0)
        self.first_line = self.first_line or line.number
        self.last_line = line.number
        self.series.add(step, rate)

    def learn(self, text: str) -> None:
        """Keep what a line of settings says."""
        if (mesh := _MESH.search(text)) is not None:
            self.degrees = _degrees(mesh[1])
        elif (model := _MODEL.search(text)) is not None:
            self.model = model[1]
        elif _SETTINGS.search(text):
            for key, pattern in _FACTS.items():
                if (found := pattern.search(text)) is not None:
                    self.facts[key] = int(found[1])

    def run(self, name: str) -> Run:
        """Return what these lines tell."""
        found = self.series.steady("tokens per second and worker")
        workers = math.prod(self.degrees.values()) if self.degrees else None
        tokens = None if workers is None else found.value * workers
        batch, sequence = self.facts.get("global_batch"), self.facts.get("sequence")
        step_tokens = self.facts.get("step_tokens")
        if step_tokens is None and batch and sequence:
            step_tokens = batch * sequence
        is_plain = not any(self.degrees.get(x, 1) > 1 for x in ("pp", "cp", "tp"))
        return known(
            world_size=workers,
            samples_per_s=ratio(tokens, sequence),
            tokens_per_s=tokens,
            step_time_s=ratio(step_tokens, tokens),
            local_batch_size=self.facts.get("local_batch") if is_plain else None,
            global_batch_size=batch,
            accumulate_steps=self.facts.get("passes") if is_plain else None,
            peak_memory_bytes=int(self.peak_gib * 2**30) or None,
            framework="torchtitan",
            model=self.model,
            source=place(name, self.first_line, self.last_line),
            note=sentence(found.words, self._parallel(), self._unknown(workers, found.value)),
        )

    def _parallel(self) -> str | None:
        shared = [
            f"{x}={self.degrees[x]}" for x in ("pp", "cp", "tp") if self.degrees.get(x, 1) > 1
        ]
        if not shared:
            return None
        return f"workers share a model ({', '.join(shared)}); this is not data parallelism alone"

    @staticmethod
    def _unknown(workers: int | None, rate: float) -> str | None:
        if workers is not None:
            return None
        return f"each worker makes {rate:g} tokens/s, and the log does not tell how many there are"


def _degrees(text: str) -> dict[str, int]:
    """Return the degrees of a mesh as `dp_shard=8, tp=1` or `['dp_shard', 'tp'], [8, 1]`.

    Expert parallelism is left out: it uses workers that the others have counted.
    """
    lists = _LISTS.search(text)
    if lists is None:
        return {key: int(value) for key, value in _DEGREE.findall(text)}
    names = [x.strip(" '\"") for x in lists[1].split(",")]
    sizes = [whole_number(x) or 0 for x in lists[2].split(",")]
    return dict(zip(names, sizes, strict=True)) if len(names) == len(sizes) else {}


def read(lines: Iterable[Line], name: str) -> Iterator[Run]:
    """Yield the runs of a log; where several ranks write, the first that does is read."""
    reader, rank = _Reader(), None
    for line in lines:
        if (found := _step(line.text)) is not None:
            rank = line.rank if rank is None else rank
            if line.rank != rank:
                continue
            if reader.series.is_new_run(found[0]):
                yield reader.run(name)
                reader = _restarted(reader)
            reader.add(line, *found)
        elif "device mesh with" in line.text and len(reader.series):
            if rank == line.rank:
                yield reader.run(name)
                reader = _Reader()
                reader.learn(line.text)
        else:
            reader.learn(line.text)
    if len(reader.series):
        yield reader.run(name)


def _step(text: str) -> tuple[int, float] | None:
    rate, step = _RATE.search(text), _STEP.search(text)
    value = None if rate is None else positive(rate[1])
    return None if step is None or value is None else (int(step[1]), value)


def _restarted(before: _Reader) -> _Reader:
    reader = _Reader()
    reader.facts, reader.degrees, reader.model = before.facts, before.degrees, before.model
    return reader


FORMAT = LogFormat("torchtitan", (b"mfu: ",), re.compile(rb"[tw]ps: .{0,80}mfu: "), read)
