"""One launch of somebody's script, as its ranks' files tell it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ray_bench.errors import StoreError
from ray_bench.records import BlockRecord, EnvironmentRecord

_FILE = re.compile(r"rank-(\d+)\.jsonl")
_FACTS = {"num_ranks", "began_unix_s", "first_step_unix_s", "environment"}
_NAMES = {
    "block": {x.name for x in fields(BlockRecord) if x.default is MISSING} - {"run_id"},
    "stamps": {"step", "marks", "buckets"},
    "metric": {"values"},
    "evaluation": {"num_steps", "num_samples", "trained_s", "eval_s"},
    "flops": {"num_flops", "num_samples"},
    "failed": {"part", "error_type"},
    "alike": {"are_equal"},
    "end": {"ended_unix_s"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RankFile:
    """The lines of one rank, by kind."""

    rank: int
    facts: Mapping[str, Any]
    blocks: tuple[Mapping[str, Any], ...]
    stamps: tuple[Mapping[str, Any], ...]  # of steps that were taken apart
    metrics: tuple[Mapping[str, Any], ...]
    evaluations: tuple[Mapping[str, Any], ...]
    instruments: Mapping[str, Any] | None  # what they saw; None: it was killed before
    flops: tuple[Mapping[str, Any], ...]  # of steps under a counter
    failed: tuple[Mapping[str, Any], ...]  # what could not be read
    num_skipped: int
    is_unsettled: bool  # whether warm-up was ended by its limit
    is_apart: bool  # whether its parameters were others than those of another rank
    end: Mapping[str, Any] | None  # None: it was killed, or it still trains
    changed_unix_s: float  # when its last line was written

    @property
    def records(self) -> tuple[BlockRecord, ...]:
        """Its blocks, without the id of a run."""
        names = set(BlockRecord.__dataclass_fields__) - {"run_id"}
        return tuple(_block({k: v for k, v in line.items() if k in names}) for line in self.blocks)

    @property
    def num_timed(self) -> int:
        """Steps after warm-up, in blocks that ended."""
        return sum(line["num_steps"] for line in self.blocks if not line["is_warmup"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """All ranks that left a file, by rank; at least one."""

    folder: Path
    ranks: tuple[RankFile, ...]

    @property
    def first(self) -> RankFile:
        """The lowest rank that left a file."""
        return self.ranks[0]

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the lowest rank says."""
        return self.first.facts

    @property
    def world_size(self) -> int:
        """As the ranks found it when they made their first step."""
        return int(self.facts["num_ranks"])

    @property
    def missing_ranks(self) -> tuple[int, ...]:
        """Ranks without a file here."""
        present = {rank.rank for rank in self.ranks}
        return tuple(rank for rank in range(self.world_size) if rank not in present)

    @property
    def has_ended(self) -> bool:
        """Whether all ranks wrote how they ended."""
        return not self.missing_ranks and all(rank.end is not None for rank in self.ranks)

    @property
    def began_at_utc(self) -> datetime:
        """When the first rank's process was there."""
        return _time(min(float(rank.facts["began_unix_s"]) for rank in self.ranks))

    @property
    def wall_s(self) -> float:
        """Seconds from the first process to the last line that was written."""
        ends = [
            rank.changed_unix_s if rank.end is None else float(rank.end["ended_unix_s"])
            for rank in self.ranks
        ]
        return max(0.0, max(ends) - self.began_at_utc.timestamp())

    @property
    def environment(self) -> EnvironmentRecord:
        """The hosts of all ranks together."""
        return _joined(rank.facts for rank in self.ranks)


def launch_of(folder: Path, nodes: Sequence[str] | None = None) -> Launch | None:
    """Read a launch; None where no rank made a step in it.

    Args:
        folder: Of the launch.
        nodes: Of every rank, by rank, as who started them knows; None: as each says itself, by
            which cloned machines are one.

    Raises:
        StoreError: A line is not what a rank writes.
    """
    found = [path for path in folder.iterdir() if _FILE.fullmatch(path.name)]
    ranks = [rank for path in found if (rank := _rank_file(path)) is not None]
    if not ranks:
        return None
    if nodes is not None:
        ranks = [replace(x, facts={**x.facts, "node": nodes[x.rank]}) for x in ranks]
    return Launch(folder=folder, ranks=tuple(sorted(ranks, key=lambda rank: rank.rank)))


def _rank_file(path: Path) -> RankFile | None:
    """Read a file; a last line that was cut off by a kill is left out."""
    lines = list(_lines(path))
    of_kind = {
        kind: tuple(line for line in lines if line.get("kind") == kind)
        for kind in ("facts", "warm", "skipped", "instruments", *_NAMES)
    }
    if not of_kind["facts"]:
        return None
    facts = of_kind["facts"][0]
    missing = _FACTS - set(facts)
    if missing:
        raise _damaged(path, f"it does not tell {', '.join(sorted(missing))}")
    for kind, names in _NAMES.items():
        if any(names - set(line) for line in of_kind[kind]):
            raise _damaged(path, f"a line of {kind} is not whole")
    match = _FILE.fullmatch(path.name)
    assert match is not None, "only such files are read"
    return RankFile(
        rank=int(match[1]),
        facts=facts,
        blocks=of_kind["block"],
        stamps=of_kind["stamps"],
        metrics=of_kind["metric"],
        evaluations=of_kind["evaluation"],
        instruments=next(iter(of_kind["instruments"]), None),
        flops=of_kind["flops"],
        failed=of_kind["failed"],
        num_skipped=len(of_kind["skipped"]),
        is_unsettled=any(line.get("is_unsettled") for line in of_kind["warm"]),
        is_apart=any(not line["are_equal"] for line in of_kind["alike"]),
        end=next(iter(of_kind["end"]), None),
        changed_unix_s=path.stat().st_mtime,
    )


def _lines(path: Path) -> Iterable[Mapping[str, Any]]:
    for number, text in enumerate(path.read_text(errors="replace").split("\n")[:-1], start=1):
        try:
            line = json.loads(text)
        except ValueError as err:
            raise _damaged(path, f"line {number} is no JSON ({err})") from err
        if not isinstance(line, dict):
            raise _damaged(path, f"line {number} is no object")
        yield line


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(
        f"{path} is damaged, or an older ray_bench wrote it: {why}. Move {path.parent} away; the "
        "other jobs count without it."
    )


def _joined(facts: Iterable[Mapping[str, Any]]) -> EnvironmentRecord:
    ranks = list(facts)
    names = EnvironmentRecord.__dataclass_fields__
    each = [_environment({k: v for k, v in x["environment"].items() if k in names}) for x in ranks]
    return replace(
        each[0],
        hostnames=tuple(sorted({name for x in each for name in x.hostnames})),
        num_nodes=len({x.get("node") for x in ranks}),
        num_cpus=min(x.num_cpus for x in each),
        memory_bytes=min(x.memory_bytes for x in each),
        gpu_names=tuple(sorted({name for x in each for name in x.gpu_names})),
        num_gpus=sum(x.num_gpus for x in each),
    )


def _environment(values: Mapping[str, Any]) -> EnvironmentRecord:
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return EnvironmentRecord(**{**values, **lists})


def _block(values: Mapping[str, Any]) -> BlockRecord:
    return BlockRecord(run_id="", **values)


def _time(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)
