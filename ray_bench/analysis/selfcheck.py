"""Planted against recovered: whether the instrument finds what was put there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ray_bench.analysis.bucket_times import bucket_times
from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.losses import Bottleneck
from ray_bench.analysis.network import network_study
from ray_bench.analysis.study import Study, studies
from ray_bench.config.groups import EmulatedConfig
from ray_bench.config.schema import SweepConfig
from ray_bench.records import Results

#: How far a recovered value may be off.
SERIAL_TOLERANCE = 0.01  # absolute
LINK_TOLERANCE_FRAC = 0.10
TIME_TOLERANCE_FRAC = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was planted in a case, and what became of it."""

    case: str
    quantity: str
    unit: str | None
    planted: str | float
    recovered: str | float | None  # None: not found at all
    tolerance: float | None  # absolute; None where it must be equal

    @property
    def is_passed(self) -> bool:
        """Whether it was recovered."""
        if self.tolerance is None or isinstance(self.planted, str):
            return self.recovered == self.planted
        if self.recovered is None or isinstance(self.recovered, str):
            return False
        return abs(self.recovered - self.planted) <= self.tolerance


def check_case(case: str, config: SweepConfig, results: Results) -> tuple[Check, ...]:
    """Compare what a case's results say with what its configuration planted."""
    found = studies(results)
    if not found or len(found[0].rows) < len(config.world_sizes):
        sizes = list(found[0].group.world_sizes) if found else []
        planted = str(list(config.world_sizes))
        return (_text(case, "world sizes measured", planted, str(sizes)),)
    return tuple(_checks(case, config.emulated, found[0], results))


def _checks(case: str, planted: EmulatedConfig, study: Study, results: Results) -> Iterator[Check]:
    yield _text(case, "bottleneck", _expected(planted).value, study.verdict.bottleneck.value)
    if planted.has_wire:
        yield from _link(case, planted, study, results)
    elif planted.loader_s:
        yield _text(case, "phase", "data_wait", _phase(study))
        yield _text(case, "ranks", "all", _ranks(study))
        yield _seconds(case, "data wait", planted.loader_s, _waited_s(study))
    elif planted.straggler_rank is not None:
        yield _text(case, "phase", "backward", _phase(study))
        yield _text(case, "ranks", str(planted.straggler_rank), _ranks(study))
        yield _seconds(case, "behind", _behind_s(planted, study), _evidence(study, "behind_s"))
    elif planted.contention_frac:
        slowed = _slowed_s(planted, study)
        yield _seconds(case, "contention", slowed, _evidence(study, "contention_s"))
    else:
        yield _serial(case, planted, study)


def _expected(planted: EmulatedConfig) -> Bottleneck:
    causes = {
        Bottleneck.COMMUNICATION: planted.has_wire,
        Bottleneck.INPUT: planted.loader_s > 0,
        Bottleneck.STRAGGLER: planted.straggler_rank is not None,
        Bottleneck.CONTENTION: planted.contention_frac > 0,
        Bottleneck.BATCH_TOO_SMALL: planted.serial_s > 0,
    }
    return next((kind for kind, is_planted in causes.items() if is_planted), Bottleneck.NONE)


def _serial(case: str, planted: EmulatedConfig, study: Study) -> Check:
    share = planted.serial_s / (planted.serial_s + _compute_s(planted, study, 1))
    found = study.law.serial_frac.value if study.law is not None else None
    return Check(
        case=case,
        quantity="serial fraction",
        unit="1",
        planted=share,
        recovered=found,
        tolerance=SERIAL_TOLERANCE,
    )


def _link(case: str, planted: EmulatedConfig, study: Study, results: Results) -> Iterator[Check]:
    times = bucket_times(study.group.runs, split_by_run(results.buckets), results.environments)
    network = network_study(times)
    ring = network.links[0].ring if network is not None else None
    per_byte_s = 8e-9 / planted.gbit_per_s if planted.gbit_per_s else 0.0
    alpha, beta = (ring.fixed_s, ring.s_per_byte) if ring is not None else (None, None)
    for name, unit, value, fitted in (
        ("alpha", "s", planted.latency_s, alpha),
        ("beta", "s/byte", per_byte_s, beta),
    ):
        yield Check(
            case=case,
            quantity=name,
            unit=unit,
            planted=value,
            recovered=None if fitted is None else fitted.value,
            tolerance=LINK_TOLERANCE_FRAC * value,
        )


def _compute_s(planted: EmulatedConfig, study: Study, world_size: int) -> float:
    return planted.compute_s_per_sample * study.batch_size / world_size


def _behind_s(planted: EmulatedConfig, study: Study) -> float:
    size = study.rows[-1].world_size
    return (planted.straggler_slowdown - 1) * _compute_s(planted, study, size)


def _slowed_s(planted: EmulatedConfig, study: Study) -> float:
    """Two thirds of the compute is backward, and all its layers but the first are slowed."""
    backward_s = _compute_s(planted, study, study.rows[-1].world_size) * 2 / 3
    slowed_frac = (planted.num_buckets - 1) / planted.num_buckets
    return backward_s * slowed_frac * planted.contention_frac


def _waited_s(study: Study) -> float | None:
    return study.phases[-1].step_s.get("data_wait") if study.phases else None


def _evidence(study: Study, name: str) -> float | None:
    return study.verdict.worst.evidence.get(name) if study.verdict.worst else None


def _phase(study: Study) -> str | None:
    return None if study.verdict.worst is None else study.verdict.worst.phase


def _ranks(study: Study) -> str | None:
    worst = study.verdict.worst
    if worst is None:
        return None
    return ", ".join(map(str, worst.ranks)) if worst.ranks else "all"


def _text(case: str, quantity: str, planted: str, recovered: str | None) -> Check:
    return Check(
        case=case,
        quantity=quantity,
        unit=None,
        planted=planted,
        recovered=recovered,
        tolerance=None,
    )


def _seconds(case: str, quantity: str, planted: float, recovered: float | None) -> Check:
    return Check(
        case=case,
        quantity=quantity,
        unit="s",
        planted=planted,
        recovered=recovered,
        tolerance=TIME_TOLERANCE_FRAC * planted,
    )
