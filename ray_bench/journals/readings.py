"""What instruments saw of a launch: memory, energy, use of GPUs, operations of a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ray_bench.journals.launch import Launch, RankFile
from ray_bench.records import FailureRecord

_GPU = {
    "gpu_util_frac": "util_frac",
    "gpu_memory_util_frac": "memory_util_frac",
    "gpu_clock_mhz": "clock_mhz",
}
#: As `measure.utilization.SLOWING`, which needs torch: heat or a fault.
_SLOWING = frozenset(
    ("hardware slowdown", "software thermal slowdown", "hardware thermal slowdown", "power brake")
)


def reading_fields(launch: Launch) -> dict[str, Any]:
    """Return what a run's record keeps of all ranks together; what one does not tell is unknown."""
    if launch.missing_ranks:
        return {}
    return {
        "peak_memory_bytes": _largest([_peak(rank) for rank in launch.ranks]),
        "energy_j": _energy_j(launch.ranks),
        "flops_per_sample": _flops_per_sample(launch.first),
        "device_peak_flops_per_s": launch.facts.get("device_peak_flops_per_s"),
        **_gpu_fields(launch.ranks),
    }


def is_throttled(launch: Launch) -> bool:
    """Tell whether heat or a fault slowed a GPU."""
    reasons = [_gpu(rank).get("throttle_reasons") or () for rank in launch.ranks]
    return any(not _SLOWING.isdisjoint(x) for x in reasons)


def reading_failures(launch: Launch, run_id: str) -> Iterator[FailureRecord]:
    """Yield what could not be read."""
    for rank in launch.ranks:
        for line in rank.failed:
            yield FailureRecord(
                run_id=run_id,
                part=line["part"],
                rank=rank.rank,
                error_type=str(line["error_type"]),
                error_message=str(line.get("error_message") or ""),
                error_traceback=line.get("error_traceback"),
            )


def _peak(rank: RankFile) -> int | None:
    # An older version said it at the end.
    return (rank.instruments or rank.end or {}).get("peak_memory_bytes") or None


def _energy_j(ranks: Sequence[RankFile]) -> float | None:
    """Return the joules of all devices, each of which one rank reads."""
    if not all(rank.instruments for rank in ranks):
        return None
    lines = [rank.instruments or {} for rank in ranks]
    readings = [line.get("energy_j") for line in lines if line.get("reads_energy")]
    known = [float(x) for x in readings if x is not None]
    return sum(known) if known and len(known) == len(readings) else None


def _flops_per_sample(rank: RankFile) -> float | None:
    counted = [line["num_flops"] / line["num_samples"] for line in rank.flops]
    return float(counted[0]) if counted else None


def _gpu(rank: RankFile) -> Mapping[str, Any]:
    return (rank.instruments or {}).get("gpu") or {}


def _gpu_fields(ranks: Sequence[RankFile]) -> dict[str, Any]:
    """Return means, and the highest temperature, of GPUs that all tell."""
    uses = [_gpu(rank) for rank in ranks]
    if not all(uses):
        return {}
    reasons = [use.get("throttle_reasons") for use in uses]
    known = [x for x in reasons if x is not None]
    return {
        **{field: _mean([use.get(name) for use in uses]) for field, name in _GPU.items()},
        "gpu_temperature_c": _largest([use.get("temperature_c") for use in uses]),
        "gpu_throttle_reasons": tuple(dict.fromkeys(word for words in known for word in words))
        if len(known) == len(reasons)
        else None,
    }


def _largest(values: Sequence[Any]) -> Any:
    """Return the largest; None where one is unknown, which may be it."""
    return None if any(x is None for x in values) else max(values)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [x for x in values if x is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
