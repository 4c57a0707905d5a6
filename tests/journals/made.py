"""Files of ranks as `attach` writes them, of jobs that nobody has to run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray_bench.measure.node import node_name
from tests.samples import make_environment

START_S = 1_790_000_000.0
#: No process has it (Linux: pid_max is below).
NO_PID = 2**30


def job(
    root: Path,
    world_size: int,
    *,
    batch: int = 32,
    step_s: float = 0.010,
    began_s: float = 0.0,
    ranks: int | None = None,
    end: dict[str, Any] | None = None,
    num_blocks: int = 30,
    source: str = "indices",
    arguments: tuple[str, ...] = ("--batch-size", "32"),
    num_backwards: int = 1,
    more: Sequence[Mapping[str, Any]] = (),
    **facts: Any,
) -> Path:
    """Write a launch of `ranks` ranks' files; `end` None: as it ends well, {}: it was killed.

    `more`: further lines of every rank, of which one with `only` is that rank's alone.
    """
    folder = root / "attached" / f"{began_s:09.0f}-w{world_size}"
    folder.mkdir(parents=True)
    for rank in range(world_size if ranks is None else ranks):
        said = {
            "strategy": "ddp" if world_size > 1 else "none",
            "optimizer": "SGD",
            "num_params": 1000,
            "grad_bytes": 4000,
            "device": "cpu",
            "dtype": "float32",
            "autocast": None,
            "is_compiled": False,
            "ddp_bucket_cap_mb": 25.0 if world_size > 1 else None,
            "environment": {**asdict(make_environment()), "num_cpus": 8},
            "node": node_name(),
            "pid": NO_PID,
            "omp_num_threads": 1,
            "launched": "attached",
            "script": {
                "name": "train.py",
                "path": "/jobs/train.py",
                "arguments": list(arguments),
                "sha256": "ab" * 32,
            },
            "began_unix_s": START_S + began_s,
            "first_step_unix_s": START_S + began_s + 2.0,
            "num_ranks": world_size,
            **facts,
        }
        lines = [{"kind": "facts", **said}]
        for block in range(num_blocks):
            lines.append(_block(rank, block, batch, step_s * (1 + 0.001 * (block % 3)), source))
            lines[-1]["num_backwards"] = num_backwards
        lines += [line for line in more if line.get("only", rank) == rank]
        ended = {"reason": "measured", "ended_unix_s": START_S + began_s + 60.0} | (end or {})
        lines += [] if end == {} else [{"kind": "end", "peak_memory_bytes": 10**9, **ended}]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"rank-{rank}.jsonl").write_text(text)
    return folder


def _block(rank: int, block: int, batch: int, step_s: float, source: str) -> dict[str, Any]:
    is_warmup = block < 3
    steps = 1 if is_warmup else 10
    return {
        "kind": "block",
        "rank": rank,
        "block": block,
        "epoch": 1,
        "num_steps": steps,
        "num_samples": 0 if source == "unknown" else steps * batch,
        "start_s": block * 10 * step_s,
        "duration_s": steps * step_s,
        "is_warmup": is_warmup,
        "num_tokens": None,
        "applied_lr": 0.1,
        "source": source,
    }
