"""Horovod's synthetic benchmarks, and tf_cnn_benchmarks with or without Horovod.

    Number of GPUs: 4                                  examples/pytorch/pytorch_synthetic_benchmark
    Iter #0: 260.1 img/sec per GPU
    Img/sec per GPU: 259.8 +-1.5
    Total img/sec on 4 GPU(s): 1039.2 +-5.9

    Batch size:  256 global                            scripts/tf_cnn_benchmarks/benchmark_cnn.py
                 64 per device
    100  images/sec: 231.5 +/- 0.4 (jitter = 3.1)  7.9
    total images/sec: 925.41

Both warm up before they begin to measure. The totals are read: of the lines of a step those of
tf_cnn_benchmarks are a running mean of the devices of one process, and not of all. The workers
there are the global batch by that of a device. With mpirun every rank prints the same total.
"""

from __future__ import annotations

import re
import statistics
from array import array
from collections.abc import Iterable, Iterator

from ray_bench.reading.logs.lines import Line
from ray_bench.reading.logs.run import LogFormat, Run, known, place, positive, ratio, sentence
from ray_bench.reading.logs.steady import Series

_MODEL = re.compile(r"^\s*Model: +(\S{1,100})")
_BATCH = re.compile(r"^\s*Batch size: +(\d{1,12})( global)?\s*$")
_DEVICE_BATCH = re.compile(r"^\s+(\d{1,12}) per device")
_WORKERS = re.compile(r"^\s*Number of [CGTX]PUs: (\d{1,9})")
_ITER = re.compile(r"^\s*Iter #(\d{1,9}): ([0-9.]+) img/sec per [CGTX]PU")
_TOTAL = re.compile(r"^\s*Total img/sec on (\d{1,9}) [CGTX]PU\(s\): ([0-9.]+)")
_TF_TOTAL = re.compile(r"^\s*total images/sec: ([0-9.]+)")


class _Reader:
    """The lines of one run so far."""

    def __init__(self) -> None:
        self.model: str | None = None
        self.local_batch: int | None = None
        self.global_batch: int | None = None
        self.workers: int | None = None
        self.iterations = Series()
        self.totals = array("d")
        self.is_tf = False
        self.first_line = self.last_line = 0

    def learn(self, line: Line) -> None:
        """Keep what a line says, if it is one of ours."""
        text = line.text
        before = len(self.totals) + len(self.iterations)
        if (batch := _BATCH.match(text)) is not None:
            self.is_tf = batch[2] is not None
            size = int(batch[1])
            self.local_batch, self.global_batch = (None, size) if self.is_tf else (size, None)
        elif (device := _DEVICE_BATCH.match(text)) is not None:
            self.local_batch = int(device[1])
        elif (workers := _WORKERS.match(text)) is not None:
            self.workers = int(workers[1])
        elif (iteration := _ITER.match(text)) is not None:
            self._add(int(iteration[1]), positive(iteration[2]))
        elif (total := _TOTAL.match(text)) is not None:
            self.workers = int(total[1])
            self._add(None, positive(total[2]))
        elif (tf_total := _TF_TOTAL.match(text)) is not None:
            self._add(None, positive(tf_total[1]))
        if len(self.totals) + len(self.iterations) > before:
            self.first_line = self.first_line or line.number
            self.last_line = line.number

    def _add(self, iteration: int | None, rate: float | None) -> None:
        if rate is not None and iteration is None:
            self.totals.append(rate)
        elif rate is not None and not self.iterations.is_new_run(iteration or 0):
            self.iterations.add(iteration or 0, rate)

    def run(self, name: str) -> Run | None:
        """Return what these lines tell, None where they tell no speed."""
        workers = self._num_workers()
        local, whole = self.local_batch, self.global_batch
        if whole is None and local is not None and workers is not None:
            whole = local * workers
        rate, words = self._rate(workers)
        if rate is None:
            return None
        return known(
            world_size=workers,
            samples_per_s=rate,
            step_time_s=ratio(whole, rate),
            local_batch_size=local,
            global_batch_size=whole,
            framework="tf_cnn_benchmarks" if self.is_tf else "Horovod synthetic benchmark",
            model=self.model,
            source=place(name, self.first_line, self.last_line),
            note=sentence(words),
        )

    def _num_workers(self) -> int | None:
        if not self.is_tf or not self.global_batch or not self.local_batch:
            return self.workers
        return self.global_batch // self.local_batch

    def _rate(self, workers: int | None) -> tuple[float | None, str]:
        if self.totals:
            many = f", median of the {len(self.totals)} printed" if len(self.totals) > 1 else ""
            return statistics.median(self.totals), f"the total that the benchmark prints{many}"
        if len(self.iterations) and workers is not None:
            found = self.iterations.steady("samples per second and worker", "iteration")
            return found.value * workers, f"{found.words}; the benchmark did not print its total"
        return None, ""


def read(lines: Iterable[Line], name: str) -> Iterator[Run]:
    """Yield the runs of a log: a model after a total begins another."""
    reader = _Reader()
    for line in lines:
        model = _MODEL.match(line.text)
        if model is not None and (reader.totals or len(reader.iterations)):
            run = reader.run(name)
            if run is not None:
                yield run
            reader = _Reader()
        if model is not None:
            reader.model = model[1]
        reader.learn(line)
    run = reader.run(name)
    if run is not None:
        yield run


FORMAT = LogFormat(
    "Horovod",
    (b"mg/sec per ", b"Total img/sec on ", b"images/sec: "),
    re.compile(
        rb"[Ii]mg/sec per [CGTX]PU\b|Total img/sec on \d+ |\btotal images/sec: |"
        rb"\timages/sec: [0-9.]+ \+/- "
    ),
    read,
)
