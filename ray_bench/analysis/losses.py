"""What loses time at a world size against ideal scaling, in seconds per step, by cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from ray_bench.analysis.nodes import BoundaryFall
from ray_bench.analysis.phases import PhaseSplit, lost_s
from ray_bench.analysis.stragglers import COMPUTE_PHASES, INPUT_PHASES, RankLag
from ray_bench.analysis.sync import SyncSplit

#: Above this share of a message's time that does not depend on its size, the latency is to blame.
LATENCY_BOUND_FRAC = 0.5


class Bottleneck(Enum):
    """What takes the time that ideal scaling would not take."""

    NONE = "none"
    INPUT = "input"  # waiting for data; with `ranks`, on these alone, and the others wait for them
    COMMUNICATION = "communication"  # transfer that computation does not hide
    LATENCY = "latency"  # the same, most of it independent of the size of a message
    STRAGGLER = "straggler"  # ranks whose computation is slower, and the wait of the others
    SKEW = "skew"  # waiting for the slowest rank, which is another one every time
    CONTENTION = "contention"  # computation that is slower while gradients are on their way
    BATCH_TOO_SMALL = "batch_too_small"  # computation that does not shrink with the batch
    HOST = "host"  # computation that is slower with the same batch: workers share the machine
    OPTIMIZER = "optimizer"
    OTHER = "other"
    NODE_BOUNDARY = "node_boundary"  # the same, where efficiency falls with the second node
    UNSEEN = "unseen"  # time is lost, but no phase of the phase pass loses any
    NO_PHASES = "no_phases"
    NOT_MEASURED = "not_measured"
    OVERSUBSCRIBED = "oversubscribed"


#: What the network costs, as the phases tell it.
_TRANSFERS = (Bottleneck.COMMUNICATION, Bottleneck.LATENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One cause, and the seconds of a step beyond ideal scaling that it explains."""

    kind: Bottleneck
    seconds: float
    phase: str | None = None  # of the phase pass, in which most of it is seen
    ranks: tuple[int, ...] = ()  # that cause it; empty: all
    evidence: Mapping[str, float] = field(default_factory=dict)  # by name, with its unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What the phase pass saw of the steps, by world size."""

    splits: Mapping[int, PhaseSplit]
    syncs: Mapping[int, SyncSplit]
    lags: Mapping[int, tuple[RankLag, ...]]

    def has_phases(self, *sizes: int) -> bool:
        """Return whether all of these world sizes have sampled steps."""
        return all(size in self.splits for size in sizes)


def losses(
    steps: Steps, baseline: int, size: int, *, is_weak: bool, fall: BoundaryFall | None = None
) -> tuple[Loss, ...]:
    """Return what loses time at a world size, the most first; what gains is left out.

    Where efficiency falls at the node boundary, the exposed transfer is put to it.
    """
    found = attributed(steps, baseline, size, is_weak=is_weak)
    if fall is not None:
        found = [_at_boundary(x, fall) if x.kind in _TRANSFERS else x for x in found]
    return tuple(sorted((x for x in found if x.seconds > 0), key=lambda x: -x.seconds))


def _at_boundary(loss: Loss, fall: BoundaryFall) -> Loss:
    evidence = {**loss.evidence, **of_the_boundary(fall)}
    return replace(loss, kind=Bottleneck.NODE_BOUNDARY, evidence=evidence)


def of_the_boundary(fall: BoundaryFall) -> dict[str, float]:
    """Return the evidence that efficiency falls with the second node."""
    return {
        "on_one_node_workers": fall.last_inside,
        "on_one_node_efficiency_frac": fall.inside_frac,
        "on_several_nodes_workers": fall.first_beyond,
        "on_several_nodes_efficiency_frac": fall.beyond_frac,
        "boundary_frac": fall.boundary_frac,
    }


def attributed(steps: Steps, baseline: int, size: int, *, is_weak: bool) -> list[Loss]:
    """Return all that differs from ideal scaling, gains below 0; it adds up to the whole step.

    The seconds of the phases beyond ideal scaling, put to their causes:

        skew_wait               to the slow ranks where there are any, with what these are slower by
        exposed_comm            to the network: latency, where messages take as long whatever size
        forward, loss, backward to contention, as pairs of steps show it; the rest, a gain where it
                                is below 0, to a smaller batch, or, where the batch per worker is
                                the same, to workers that share a host
    """
    lost = lost_s(steps.splits[size], steps.splits[baseline])
    lags = steps.lags.get(size, ())
    own = {
        is_input: sum(lag.seconds.value for lag in lags if lag.is_input == is_input) / size
        for is_input in (True, False)
    }
    data = sum(lost.get(phase, 0.0) for phase in INPUT_PHASES)
    compute = sum(lost.get(phase, 0.0) for phase in COMPUTE_PHASES) - own[False]
    sync = steps.syncs.get(size)
    return [
        *_waits(lost, lags, data, own[False]),
        _transfer(lost.get("exposed_comm", 0.0), sync),
        *_compute(compute, lost, sync, is_weak=is_weak),
        Loss(kind=Bottleneck.OPTIMIZER, seconds=lost.get("optimizer", 0.0), phase="optimizer"),
        Loss(kind=Bottleneck.OTHER, seconds=_rest(lost), phase="other"),
    ]


def _waits(
    lost: Mapping[str, float], lags: Sequence[RankLag], data: float, slow: float
) -> list[Loss]:
    """Return what data and slow ranks lose. The others' wait goes to what makes the worst slow."""
    skew = lost.get("skew_wait", 0.0)
    data_phase = _worst(lost, INPUT_PHASES)
    if not lags:
        return [
            Loss(kind=Bottleneck.INPUT, seconds=data, phase=data_phase),
            Loss(kind=Bottleneck.SKEW, seconds=skew, phase="skew_wait"),
        ]
    worst = lags[0]
    ranks = tuple(sorted(lag.rank for lag in lags if lag.is_input == worst.is_input))
    evidence = {"behind_s": worst.seconds.value, "skew_wait_s": skew}
    if worst.is_input:
        return [
            Loss(
                kind=Bottleneck.INPUT,
                seconds=data + skew,
                phase=worst.phase,
                ranks=ranks,
                evidence=evidence,
            ),
            Loss(kind=Bottleneck.STRAGGLER, seconds=slow, ranks=_slow(lags)),
        ]
    return [
        Loss(kind=Bottleneck.INPUT, seconds=data, phase=data_phase),
        Loss(
            kind=Bottleneck.STRAGGLER,
            seconds=skew + slow,
            phase=worst.phase,
            ranks=ranks,
            evidence=evidence,
        ),
    ]


def _slow(lags: Sequence[RankLag]) -> tuple[int, ...]:
    return tuple(sorted(lag.rank for lag in lags if not lag.is_input))


def _transfer(seconds: float, sync: SyncSplit | None) -> Loss:
    evidence: dict[str, float] = {"exposed_comm_s": seconds}
    latency = None if sync is None else sync.latency_frac
    if sync is not None and sync.total is not None:
        evidence["sync_s"] = sync.total.value
    if latency is not None:
        evidence["latency_frac"] = latency
    is_latency = latency is not None and latency > LATENCY_BOUND_FRAC
    kind = Bottleneck.LATENCY if is_latency else Bottleneck.COMMUNICATION
    return Loss(kind=kind, seconds=seconds, phase="exposed_comm", evidence=evidence)


def _compute(
    seconds: float, lost: Mapping[str, float], sync: SyncSplit | None, *, is_weak: bool
) -> list[Loss]:
    """Return what forward, loss and backward lose: to contention first, then to the batch."""
    found = []
    phase = _worst(lost, COMPUTE_PHASES)
    if sync is not None and sync.contention is not None and sync.is_contention_seen:
        taken = sync.contention.value
        evidence = {"contention_s": taken}
        found.append(
            Loss(kind=Bottleneck.CONTENTION, seconds=taken, phase=phase, evidence=evidence)
        )
        seconds -= taken
    kind = Bottleneck.HOST if is_weak else Bottleneck.BATCH_TOO_SMALL
    return [*found, Loss(kind=kind, seconds=seconds, phase=phase)]


def _worst(lost: Mapping[str, float], phases: Sequence[str]) -> str:
    return max(phases, key=lambda phase: lost.get(phase, 0.0))


def _rest(lost: Mapping[str, float]) -> float:
    """Return what is lost in `other`, and in phases that this version does not know."""
    named = {*INPUT_PHASES, *COMPUTE_PHASES, "skew_wait", "exposed_comm", "optimizer"}
    return sum(seconds for phase, seconds in lost.items() if phase not in named)
