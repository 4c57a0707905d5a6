"""PyTorch's own benchmarks/distributed/ddp/benchmark.py: a table a model.

    Benchmark: resnet50 with batch size 32

                            sec/iter    ex/sec ...
       1 GPUs --   no ddp:  p50:  0.097s     329/s  p75: ...
       8 GPUs --    1M/8G:  p50:  0.104s     307/s  p75: ...

The batch is that of a GPU, and ex/sec is that of a GPU: batch / seconds. `1M/8G`: one machine with
eight GPUs. Of one GPU the row without DDP is read, and the one with DDP left out: nobody would
train so. The percentiles are over the iterations of all ranks, after five of warm-up. p50 is read,
from the one of the two columns that is rounded less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ray_bench.reading.logs.lines import Line
from ray_bench.reading.logs.run import LogFormat, Run, known, positive, sentence

_MODEL = re.compile(r"^\s*Benchmark: (\S{1,100}) with batch size (\d{1,12})")
_ROW = re.compile(
    r"^\s*(\d{1,9}) GPUs -- +(?:(no ddp)|(\d{1,6})M/(\d{1,6})G): +p50: +([0-9.]+)s +(\d+)/s"
)


def read(lines: Iterable[Line], name: str) -> Iterator[Run]:
    """Yield a run for every row."""
    model, batch, has_plain = None, None, False
    for line in lines:
        if (title := _MODEL.match(line.text)) is not None:
            model, batch, has_plain = title[1], int(title[2]), False
        elif batch is not None and (row := _ROW.match(line.text)) is not None:
            is_plain = row[2] is not None
            has_plain = has_plain or is_plain
            run = _run(row, batch, f"{name}, line {line.number}")
            if run is not None and (is_plain or not has_plain or run["world_size"] > 1):
                yield known(**run, model=model)


def _run(row: re.Match[str], batch: int, source: str) -> Run | None:
    seconds = _step_time_s(batch, row[5], row[6])
    if seconds is None:
        return None
    workers = int(row[1])
    nodes, per_node = _place(workers, row)
    return known(
        world_size=workers,
        num_nodes=nodes,
        workers_per_node=per_node,
        samples_per_s=workers * batch / seconds,
        step_time_s=seconds,
        local_batch_size=batch,
        global_batch_size=workers * batch,
        framework="PyTorch DDP benchmark",
        source=source,
        note=sentence(
            "median of the iterations of all ranks (p50)",
            "without DDP; the row of one GPU with DDP is left out" if row[2] is not None else None,
        ),
    )


def _place(workers: int, row: re.Match[str]) -> tuple[int | None, int | None]:
    """Return nodes and workers of a node, where those that are printed hold all workers."""
    if row[2] is not None:
        return 1, None
    nodes, per_node = int(row[3]), int(row[4])
    return (nodes, per_node) if nodes * per_node == workers else (None, None)


def _step_time_s(batch: int, seconds: str, per_second: str) -> float | None:
    """Return the seconds of an iteration from the column that has more digits."""
    by_time, rate = positive(seconds), positive(per_second)
    if by_time is None or rate is None:
        return by_time
    time_error = 0.5 * 10.0 ** -len(seconds.partition(".")[2]) / by_time
    return by_time if time_error <= 0.5 / rate else batch / rate


FORMAT = LogFormat(
    "PyTorch's DDP benchmark", (b" GPUs -- ",), re.compile(rb"\d GPUs -- .{0,20}: +p50: "), read
)
