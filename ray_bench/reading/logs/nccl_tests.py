"""nccl-tests: the table of `all_reduce_perf`, as the samples of an all-reduce sweep.

    #  Rank  0 Group  0 Pid  1234 on  node-a device  0 [0000:07:00] NVIDIA H100 80GB HBM3
    #   size     count   type  redop  root    time   algbw   busbw  #wrong    time   algbw ...
    #    (B) (elements)                       (us)  (GB/s)  (GB/s)            (us)  (GB/s) ...
     1048576    262144  float    sum    -1   203.2    5.16    9.68       0   207.2    5.06 ...

The time is the mean of an all-reduce over all ranks, out of place and then in place; each is a
sample here. algbw = size / time, and busbw = algbw x 2 (N - 1) / N (doc/PERFORMANCE.md), so that
the two tell N where the lines of the ranks are missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ray_bench.errors import DataError, MissingDataError
from ray_bench.reading.logs.lines import Line, lines_of
from ray_bench.reading.logs.run import positive, whole

#: The heading of its table.
MARK = re.compile(rb"^\s*#.{0,200}\balgbw +busbw\b", re.MULTILINE)
_RANK = re.compile(
    r"^#\s+Rank\s+(\d{1,9})\s+(?:Group\s+(\d{1,9})\s+)?Pid\s+\d+ on\s+(\S{1,200}) device\s+\d+ "
    r"\[[^\]]{0,40}\]\s*(.{0,100})$"
)
_BEGINS = re.compile(r"^#\s*nThread ")
_COLLECTIVE = re.compile(r"^# Collective test starting: (\S{1,200})")
_GROUP = ("time", "algbw", "busbw")
MAX_ROWS = 100_000


@dataclass(slots=True)
class _Table:
    """What one run of a test printed."""

    hosts: dict[int, str] = field(default_factory=dict)  # by rank, of the first group
    device: str = ""
    collective: str = ""
    columns: tuple[str, ...] = ()
    rows: list[_Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    num_bytes: int
    seconds: float
    algorithm: str  # GB/s as printed, with their digits
    bus: str
    root: str


def read_network(file: Path, workers_per_node: int | None = None) -> Mapping[str, np.ndarray]:
    """Read the all-reduces of a file.

    Args:
        file: What `all_reduce_perf` printed; several runs of it may follow each other.
        workers_per_node: For a file without the lines of the ranks.

    Returns:
        Columns as in NetworkRecord, shape (num_samples,); num_nodes is 0 where it is unknown.

    Raises:
        MissingDataError: There is no such file.
        DataError: It holds no table of all_reduce_perf, or does not tell the number of ranks.
    """
    if not file.is_file():
        raise MissingDataError(f"There is no file {file}; look for a slip in the path.")
    tables = [x for x in _tables(lines_of(file), file.name) if x.rows]
    if not tables:
        raise DataError(
            f"{file.name} has no table of nccl-tests; give what `all_reduce_perf` printed, with "
            "the line that names the columns (size, time, algbw, busbw)."
        )
    return _columns([(x, *_place(x, workers_per_node, file.name)) for x in tables], file.name)


def _tables(lines: Iterable[Line], name: str) -> Iterator[_Table]:
    table, count = _Table(), 0
    for line in lines:
        if _BEGINS.match(line.text) and table.rows:
            yield table
            table = _Table()
        if line.text.startswith("#"):
            _learn(table, line.text)
        elif table.columns:
            found = _rows(table.columns, line, name)
            count += len(found)
            if count > MAX_ROWS:
                raise DataError(f"{name} has more than {MAX_ROWS} rows; give a part of it.")
            table.rows += found
    yield table


def _learn(table: _Table, text: str) -> None:
    if (rank := _RANK.match(text)) is not None:
        if int(rank[2] or 0) == 0:
            table.hosts[int(rank[1])] = rank[3]
            table.device = table.device or rank[4].strip()
    elif (collective := _COLLECTIVE.match(text)) is not None:
        table.collective = Path(collective[1]).name
    elif "busbw" in text:
        table.columns = tuple(text.lstrip("#").split())


def _rows(columns: Sequence[str], line: Line, name: str) -> list[_Row]:
    """Return what a line says out of place and in place; nothing where it is no row."""
    cells = line.text.split()
    size = whole(cells[0]) if cells else None
    if size is None or len(cells) < len(columns):
        return []
    starts = [i for i, x in enumerate(columns) if columns[i : i + 3] == _GROUP and x == _GROUP[0]]
    if not starts:
        raise DataError(
            f"{name}: the columns time, algbw and busbw are not beside each other; run nccl-tests "
            "without -C, which reports the time of the CPU."
        )
    root = cells[columns.index("root")] if "root" in columns else "-1"
    found = []
    for i in starts:
        micros = positive(cells[i])
        if micros is not None:
            found.append(_Row(line.number, size, 1e-6 * micros, cells[i + 1], cells[i + 2], root))
    return found


def _place(table: _Table, workers_per_node: int | None, name: str) -> tuple[int, int]:
    """Return the number of ranks, and that of nodes, 0 where nobody tells it."""
    ranks = _num_ranks(table, name)
    if table.hosts:
        return ranks, len(set(table.hosts.values()))
    return ranks, math.ceil(ranks / workers_per_node) if workers_per_node else 0


def _num_ranks(table: _Table, name: str) -> int:
    low, high = _bounds(table.rows)
    is_other = table.collective not in ("", "all_reduce_perf") or table.rows[0].root != "-1"
    if is_other or high < low:
        raise DataError(
            f"{name}: busbw / algbw is not that of an all-reduce; give the output of "
            "`all_reduce_perf`, and one run for every number of ranks."
        )
    if table.hosts:
        if not low <= len(table.hosts) <= high:
            raise DataError(
                f"{name} lists {len(table.hosts)} ranks, and busbw / algbw is that of "
                f"{_range(low, high)}; give the output of `all_reduce_perf` as it was printed."
            )
        return len(table.hosts)
    # A ratio of 1 is that of two ranks, and of other collectives as well.
    if low != high or (low == 2 and not table.collective):
        raise DataError(
            f"{name} does not tell the number of ranks: by busbw / algbw it may be "
            f"{_range(low, high)}. Keep the lines `#  Rank  0 ...` that nccl-tests prints."
        )
    return int(low)


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _bounds(rows: Sequence[_Row]) -> tuple[float, float]:
    """Return the least and the largest number of ranks that fit the rounded bandwidths."""
    low, high = 2.0, math.inf
    for row in rows:
        algorithm, bus = positive(row.algorithm), positive(row.bus)
        if algorithm is None or bus is None:
            continue
        slips = _half_digit(row.algorithm), _half_digit(row.bus)
        least = (bus - slips[1]) / (algorithm + slips[0])
        most = (bus + slips[1]) / max(algorithm - slips[0], 1e-12)
        low = max(low, math.ceil(_ranks_of(least) - 1e-6))
        high = min(high, math.floor(_ranks_of(most) + 1e-6)) if most < 2 else high
    return low, high


def _ranks_of(ratio: float) -> float:
    """Return N of 2 (N - 1) / N."""
    return 2 / (2 - ratio) if ratio < 2 else math.inf


def _half_digit(text: str) -> float:
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


def _columns(tables: Sequence[tuple[_Table, int, int]], name: str) -> Mapping[str, np.ndarray]:
    rows = [(row, ranks, nodes) for table, ranks, nodes in tables for row in table.rows]
    device = next((table.device for table, *_ in tables if table.device), "GPU")
    count = len(rows)
    return {
        "network_id": np.full(count, name, dtype=object),
        "world_size": np.array([ranks for _, ranks, _ in rows]),
        "num_nodes": np.array([nodes for *_, nodes in rows]),
        "backend": np.full(count, "nccl", dtype=object),
        "device": np.full(count, device, dtype=object),
        "num_bytes": np.array([row.num_bytes for row, *_ in rows]),
        "sample": np.arange(count),
        "duration_s": np.array([row.seconds for row, *_ in rows]),
    }
