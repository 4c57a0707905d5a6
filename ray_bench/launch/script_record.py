"""What a run of a script leaves: its record, made from its ranks' files, and what they wrote."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ray_bench.launch.arrived import SoFar
from ray_bench.launch.failures import Failure
from ray_bench.launch.requests import ExpectedRun
from ray_bench.launch.script_rank import RankEnd
from ray_bench.measure.journal import lines_of
from ray_bench.records import BlockRecord, RunData
from ray_bench.train.requests import RunRequest

_NAMES = frozenset(BlockRecord.__dataclass_fields__) - {"run_id"}


def run_data(
    request: RunRequest,
    expected: ExpectedRun,
    ends: Sequence[RankEnd],
    *,
    wait_s: float | None,
    flags: tuple[str, ...],
) -> RunData:
    """Return what is stored of a run; of one that failed the cause and all that was measured.

    Args:
        request: What the run was asked for.
        expected: The run.
        ends: Of all ranks, in their order.
        wait_s: For places, before the launch.
        flags: Of the place.
    """
    with tempfile.TemporaryDirectory(prefix="ray_bench-journals-") as name:
        folder = Path(name)
        for end in ends:
            if end.journal:
                (folder / f"rank-{end.rank}.jsonl").write_bytes(end.journal)
        failed = sorted((end for end in ends if end.failure is not None), key=lambda x: x.blame)
        cause = failed[0].failure if failed else _nothing(folder, len(ends))
        if cause is None:
            data = measured(request, folder, wait_s=wait_s, flags=flags)
        else:
            data = _failed(request, expected, folder, cause, failed, wait_s=wait_s)
    return replace(data, outputs={end.rank: end.output for end in ends if end.output})


def measured(request, folder, *, wait_s, flags):  # STUB
    from ray_bench.measure.totals import throughput
    from ray_bench.records import RunRecord

    blocks = _blocks(folder, request.planned.run_id)
    ranks = [[b for b in blocks if b.rank == r] for r in sorted({b.rank for b in blocks})]
    rate, step_s, more = throughput(ranks)
    pl = request.planned
    return RunData(
        run=RunRecord(
            sweep_id=request.sweep_id,
            run_id=pl.run_id,
            repeat=pl.repeat,
            order_index=pl.order_index,
            attempt=request.attempt,
            point=pl.point,
            status="ok",
            started_at_utc=request.started_at_utc,
            wall_s=(datetime.now(UTC) - request.started_at_utc).total_seconds(),
            flags=(*more, *flags),
            throughput_samples_per_s=rate,
            step_time_s=step_s,
            trainer=request.trainer,
            wait_s=wait_s,
        ),
        blocks=blocks,
    )


def _failed(
    request: RunRequest,
    expected: ExpectedRun,
    folder: Path,
    cause: Failure,
    failed: Sequence[RankEnd],
    *,
    wait_s: float | None,
) -> RunData:
    return expected.failed(
        cause,
        request.started_at_utc,
        wall_s=(datetime.now(UTC) - request.started_at_utc).total_seconds(),
        trainer=request.trainer,
        wait_s=wait_s,
        so_far=SoFar(blocks=_blocks(folder, expected.planned.run_id)),
        told={end.rank: end.failure for end in failed if end.failure is not None},
    )


def _blocks(folder: Path, run_id: str) -> tuple[BlockRecord, ...]:
    files = sorted(folder.glob("rank-*.jsonl"), key=lambda path: int(path.stem[5:]))
    return tuple(
        BlockRecord(run_id=run_id, **{name: line[name] for name in _NAMES})
        for file in files
        for line in lines_of(file)
        if line["kind"] == "block"
    )


def _nothing(folder: Path, num_ranks: int) -> Failure | None:
    """Return why a script that ended well has measured nothing; None where it has something."""
    files = list(folder.glob("rank-*.jsonl"))
    if not files:
        return Failure(
            "NothingMeasured",
            "The script ended, with exit code 0, and no optimizer had made an update.",
            None,
        )
    lines = [line for file in files for line in lines_of(file)]
    timed = {line["rank"] for line in lines if line["kind"] == "block" and not line["is_warmup"]}
    if len(timed) == num_ranks:
        return None
    return Failure(
        "NothingMeasured", "The script ended, with exit code 0, before warm-up was over.", None
    )
