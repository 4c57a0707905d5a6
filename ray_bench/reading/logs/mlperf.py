"""MLPerf training: the `:::MLLOG` lines of mlperf_logging.

    :::MLLOG {"namespace": "", "time_ms": 1700000000000, "event_type": "POINT_IN_TIME",
      "key": "global_batch_size", "value": 3264, "metadata": {...}}

The rules ask for batches and times, and not for a speed. NVIDIA's submissions add `tracked_stats`
with a `throughput` of all workers: samples/s, but tokens/s for gpt3, whose samples are counted in
tokens. Where there is none, `train_samples` by the time from `epoch_start` to `epoch_stop` is. The
workers are told only in logs of MLPerf HPC (number_of_ranks; number_of_nodes x
accelerators_per_node); `submission_platform` is a name, and is not taken apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ray_bench.reading.logs.lines import Line
from ray_bench.reading.logs.run import LogFormat, Run, known, place, ratio, sentence
from ray_bench.reading.logs.steady import Series, Steady

_LINE = re.compile(r":::MLL(?:OG)? (\{.*\})")
_NUMBERS = (
    "global_batch_size",
    "gradient_accumulation_steps",
    "train_samples",
    "number_of_nodes",
    "accelerators_per_node",
    "number_of_ranks",
    "max_sequence_length",
)
#: Benchmarks of which tracked_stats counts tokens.
_TOKENS = ("gpt3",)


class _Reader:
    """The events of one run so far."""

    def __init__(self, first: int) -> None:
        self.facts: dict[str, int] = {}
        self.model: str | None = None
        self.rates = Series()
        self.epochs = Series()
        self.started: dict[int, float] = {}
        self.first_line = self.last_line = first

    def add(self, line: Line, event: Mapping[str, Any]) -> None:
        """Keep what an event says."""
        key, value, time_ms = event.get("key"), event.get("value"), event.get("time_ms")
        self.last_line = line.number
        if key in _NUMBERS and (number := _number(value)) is not None:
            self.facts[str(key)] = int(number)
        elif key == "submission_benchmark" and isinstance(value, str):
            self.model = value[:100]
        elif key in ("tracked_stats", "throughput"):
            rate = _number(value.get("throughput") if isinstance(value, dict) else value)
            if rate is not None:
                self.rates.add(len(self.rates) + 1, rate)
        elif key in ("epoch_start", "epoch_stop") and (now := _number(time_ms)) is not None:
            self._epoch(_epoch_of(event), now, is_start=key == "epoch_start")

    def _epoch(self, epoch: int, time_ms: float, *, is_start: bool) -> None:
        if is_start:
            self.started[epoch] = time_ms
        elif epoch in self.started:
            seconds = 1e-3 * (time_ms - self.started.pop(epoch))
            if seconds > 0:
                self.epochs.add(epoch, seconds)

    def run(self, name: str) -> Run | None:
        """Return what these events tell, None where they tell no speed."""
        found = self._speed()
        if found is None:
            return None
        rate, words, is_tokens = found.value, found.words, self.model in _TOKENS
        sequence = self.facts.get("max_sequence_length")
        samples = (ratio(rate, sequence) if sequence else None) if is_tokens else rate
        batch = self.facts.get("global_batch_size")
        nodes, per_node = (self.facts.get(x) for x in ("number_of_nodes", "accelerators_per_node"))
        world = self.facts.get("number_of_ranks") or (
            nodes * per_node if nodes and per_node else None
        )
        return known(
            world_size=world,
            num_nodes=nodes,
            workers_per_node=per_node,
            samples_per_s=samples,
            tokens_per_s=rate if is_tokens else None,
            step_time_s=ratio(batch, samples),
            global_batch_size=batch,
            accumulate_steps=self.facts.get("gradient_accumulation_steps"),
            framework="MLPerf",
            model=self.model,
            source=place(name, self.first_line, self.last_line),
            note=sentence(words, None if world else "the log does not tell how many workers ran"),
        )

    def _speed(self) -> Steady | None:
        if len(self.rates):
            unit = "tokens/s" if self.model in _TOKENS else "taken as samples/s of all workers"
            return self.rates.steady(f"throughput of tracked_stats ({unit})", "event")
        samples = self.facts.get("train_samples")
        if not len(self.epochs) or samples is None:
            return None
        found = self.epochs.steady("time of an epoch", "epoch")
        return Steady(samples / found.value, f"{found.words}; by train_samples, {samples}")


def _epoch_of(event: Mapping[str, Any]) -> int:
    metadata = event.get("metadata")
    for value in (
        metadata.get("epoch_num") if isinstance(metadata, dict) else None,
        event["value"],
    ):
        if isinstance(value, int | float) and abs(value) < 1e15:
            return int(value)
    return 0


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15:
        return None
    return float(value)


def read(lines: Iterable[Line], name: str) -> Iterator[Run]:
    """Yield the runs of a log: an `init_start` after a speed begins another."""
    reader, rank = _Reader(1), None
    for line in lines:
        event = _event(line.text)
        if event is None:
            continue
        rank = line.rank if rank is None else rank
        if line.rank != rank:
            continue
        if event.get("key") == "init_start" and (len(reader.rates) or len(reader.epochs)):
            run = reader.run(name)
            if run is not None:
                yield run
            reader = _Reader(line.number)
        reader.add(line, event)
    run = reader.run(name)
    if run is not None:
        yield run


def _event(text: str) -> dict[str, Any] | None:
    found = _LINE.search(text)
    if found is None:
        return None
    try:
        event = json.loads(found[1])
    except (ValueError, RecursionError):
        return None
    return {"value": None, **event} if isinstance(event, dict) else None


FORMAT = LogFormat("MLPerf", (b":::MLL",), re.compile(rb":::MLL(?:OG)? ?\{"), read)
