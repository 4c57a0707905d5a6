"""Peak memory of a curve that was read from a file: the line, and the forecast."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray_bench.analysis.fit.forecast import Forecast
from ray_bench.analysis.fit.measured import fixed_batch
from ray_bench.analysis.memory import MemoryLine, MemoryPoint, memory_line
from ray_bench.report.cells import Table, asked, estimate, table, text
from ray_bench.report.sections.memory import line_words
from ray_bench.stats.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveMemory:
    """Peak memory against the batch of a worker, and which batch another world size has."""

    line: MemoryLine
    local_batch_size: Mapping[int, float]  # samples of a worker and step by world size

    @classmethod
    def of(
        cls, peaks: Mapping[int, Sequence[float]], local_batch_size: Mapping[int, float]
    ) -> CurveMemory | None:
        """Fit the peaks of a curve; None where there are none, or no batch is known.

        Args:
            peaks: Bytes of a worker by world size.
            local_batch_size: Samples of a worker and step by world size.
        """
        line = memory_line(
            [
                MemoryPoint(world_size=n, batch=local_batch_size[n], peak_bytes=x)
                for n, values in peaks.items()
                if n in local_batch_size
                for x in values
            ]
        )
        return None if line is None else cls(line=line, local_batch_size=local_batch_size)

    def batch_at(self, world_size: int) -> float | None:
        """Return the samples of the worker that has most; None where nothing tells them."""
        if world_size in self.local_batch_size:
            return self.local_batch_size[world_size]
        size, batch = next(iter(self.local_batch_size.items()))
        mode = fixed_batch(self.local_batch_size)
        if mode == "weak":
            return batch
        whole = round(size * batch)
        return math.ceil(whole / world_size) if mode == "strong" and whole >= world_size else None

    def at(self, world_size: int) -> Estimate | None:
        """Return the forecast at a world size, None where it is not known."""
        batch = self.batch_at(world_size)
        return None if batch is None else self.line.at(batch)


def memory_table(
    curves: Sequence[tuple[str, CurveMemory, Sequence[Forecast]]],
) -> tuple[Table, ...]:
    """Return the forecast of peak memory of curves that have one, with their names."""
    if not curves:
        return ()
    columns = {
        "curve": "Curve",
        "world_size": "Workers",
        "batch": "Batch per worker",
        "memory": "Peak memory per worker",
    }
    rows = [
        (
            text(name or None),
            asked(x.world_size),
            asked(memory.batch_at(x.world_size)),
            estimate(memory.at(x.world_size), "bytes", "predicted"),
        )
        for name, memory, forecast in curves
        for x in forecast
    ]
    notes = [
        f"{name}: {line_words(memory.line)}" if name else line_words(memory.line)
        for name, memory, _ in curves
    ]
    title = "Peak memory"
    return (table("memory", title, columns, rows, notes, optional=("curve", "memory")),)


def memory_document(memory: CurveMemory, rows: Sequence[Forecast]) -> dict[str, Any]:
    """Return the same for programs: bytes, null where it is not known."""
    found = {x.world_size: memory.at(x.world_size) for x in rows}
    return {
        "fixed_bytes": memory.line.fixed_bytes,
        "bytes_per_sample": memory.line.bytes_per_sample,
        "predictions": [
            {
                "world_size": size,
                "bytes": None if x is None else {"value": x.value, "low": x.low, "high": x.high},
            }
            for size, x in found.items()
        ],
    }
