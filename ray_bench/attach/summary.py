"""What the ranks of a script have measured together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_bench.measure.journal import lines_of
from ray_bench.measure.totals import throughput
from ray_bench.records import BlockRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of one script at one world size. Unknown is None."""

    num_ranks: int
    num_steps: int  # timed, after warm-up, on the rank that made the fewest
    samples_per_s: float | None  # of all ranks, over the time of the slowest
    step_time_s: float | None
    samples_per_step: float | None  # of all ranks
    sources: tuple[str, ...]  # of the samples
    flags: tuple[str, ...]


def summary_of(files: Sequence[Path]) -> Summary | None:
    """Read the journals of all ranks; None where none of them has a timed block."""
    ranks = [lines_of(file) for file in sorted(files)]
    blocks = [[_block(line) for line in lines if line["kind"] == "block"] for lines in ranks]
    if not blocks or not all(blocks):
        return None
    rate, step_time_s, flags = throughput(blocks)
    sources = {line["source"] for lines in ranks for line in lines if line["kind"] == "block"}
    counts = [sum(x.num_steps for x in each if not x.is_warmup) for each in blocks]
    if sources == {"unknown"}:
        rate = None
    return Summary(
        num_ranks=len(ranks),
        num_steps=min(counts),
        samples_per_s=rate,
        step_time_s=step_time_s,
        samples_per_step=None if rate is None or step_time_s is None else rate * step_time_s,
        sources=tuple(sorted(sources)),
        flags=tuple(flags),
    )


def _block(line: dict[str, Any]) -> BlockRecord:
    names = set(BlockRecord.__dataclass_fields__) - {"run_id"}
    return BlockRecord(run_id="", **{name: line[name] for name in names})
