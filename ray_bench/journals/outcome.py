"""How a launch ended, as its ranks' files tell."""

from __future__ import annotations

from dataclasses import dataclass

from ray_bench.journals.launch import Launch, RankFile
from ray_bench.records import FailureRecord, Status

#: What a job can end by that none of its ranks says.
KINDS = ("Killed", "RankFilesMissing", "TooFewSteps")
KILLED, RANK_FILES_MISSING, TOO_FEW_STEPS = KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one launch, with its first cause."""

    status: Status
    error_type: str | None = None
    error_message: str | None = None
    error_rank: int | None = None
    error_traceback: str | None = None

    def failures(self, run_id: str) -> tuple[FailureRecord, ...]:
        """Return it as what the store keeps of failures; nothing of a run that ended well."""
        if self.error_type is None:
            return ()
        return (
            FailureRecord(
                run_id=run_id,
                part="run",
                rank=self.error_rank,
                error_type=self.error_type,
                error_message=self.error_message or "",
                error_traceback=self.error_traceback,
            ),
        )


def outcome_of(launch: Launch) -> Outcome:
    """Return how it ended. The rank that failed first tells why."""
    failed = [rank for rank in launch.ranks if rank.end and rank.end.get("error_type")]
    if failed:
        return _failed(min(failed, key=lambda rank: float((rank.end or {})["ended_unix_s"])))
    killed = [rank for rank in launch.ranks if rank.end is None]
    if killed:
        return _killed(killed[0])
    if launch.missing_ranks:
        return _missing(launch)
    if not all(rank.blocks for rank in launch.ranks):
        return Outcome(
            status="failed",
            error_type=TOO_FEW_STEPS,
            error_message="The script ended before a step was timed; let it make more steps.",
        )
    return Outcome(status="ok")


def _failed(rank: RankFile) -> Outcome:
    end = rank.end or {}
    return Outcome(
        status="failed",
        error_type=str(end["error_type"]),
        error_message=str(end.get("error_message") or ""),
        error_rank=rank.rank,
        error_traceback=end.get("error_traceback"),
    )


def _killed(rank: RankFile) -> Outcome:
    return Outcome(
        status="interrupted",
        error_type=KILLED,
        error_message=(
            f"Rank {rank.rank} was killed after {rank.num_timed} timed steps; what was measured "
            "until then is kept. `--steps N` ends a script by itself."
        ),
        error_rank=rank.rank,
    )


def _missing(launch: Launch) -> Outcome:
    ranks = ", ".join(map(str, launch.missing_ranks))
    plural = "s" * (len(launch.missing_ranks) > 1)
    return Outcome(
        status="failed",
        error_type=RANK_FILES_MISSING,
        error_message=(
            f"Rank{plural} {ranks} left no file in {launch.folder.name}; give --results a folder "
            "that all hosts share, or copy their files together."
        ),
    )
