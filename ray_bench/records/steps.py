"""Times within a run, of one rank each: blocks of steps, phases, buckets, pairs of steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRecord:
    """Consecutive steps on one rank, timed together, devices synchronised at both edges."""

    run_id: str
    rank: int
    block: int  # from 0; the same block has the same steps on every rank
    epoch: int
    num_steps: int
    num_samples: int  # of this rank
    start_s: float  # since the rank's first step
    duration_s: float
    is_warmup: bool
    num_tokens: int | None = None  # of this rank; None: the batches do not tell
    applied_lr: float | None = None  # of the first parameter group, in the block's last step


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRecord:
    """One phase of one sampled step on one rank. The phases of a step add up to its wall time.

    The exposed gradient synchronisation is two phases: waiting for the slowest rank (`skew_wait`)
    and the transfer that the backward pass did not hide (`exposed_comm`).
    """

    run_id: str
    rank: int
    step: int
    phase: str  # one of PHASES
    duration_s: float


#: Phases of a training step in the order in which they happen; `other` is what no phase explains.
PHASES: tuple[str, ...] = (
    "data_wait",
    "host_to_device",
    "forward",
    "loss",
    "backward",
    "skew_wait",
    "exposed_comm",
    "optimizer",
    "other",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRecord:
    """The reduction of one gradient bucket in one sampled step of the phase pass, on one rank."""

    run_id: str
    rank: int
    step: int
    bucket: int  # from 0, in the order in which buckets become ready
    num_bytes: int
    ready_s: float  # since this rank called backward()
    start_s: float  # ready as well, since the first rank began the step: one clock for all ranks
    end_s: float  # reduced, on the same clock as start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPairRecord:
    """Two neighbouring steps on one rank, with gradient synchronisation and without (`no_sync`)."""

    run_id: str
    rank: int
    pair: int  # from 0
    sync_s: float
    no_sync_s: float
