"""Which runs may be joined by a line, and which differ in something that changes speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_bench.records import EnvironmentRecord, Results, RunRecord

#: Flags of runs whose numbers cannot be trusted; they are listed and left out of every curve.
INVALID_FLAGS = ("clock_mismatch", "clock_backwards", "stalled")

#: What of an environment must be equal. Hosts and commits may differ, and the number of nodes grows
#: with the world size.
_ENVIRONMENT_FIELDS = (
    "cpu_model",
    "num_cpus",
    "gpu_driver",
    "python_version",
    "torch_version",
    "torchvision_version",
    "ray_version",
    "nccl_version",
    "ray_bench_version",
    "omp_num_threads",
    "niceness",
    "cpu_governor",
)


#: What changes the speed of a step and not what is trained, by the name in a group's key.
SETTINGS = ("precision", "memory_format", "compile", "bucket_cap", "compression")
#: Those of them that mean nothing without DDP.
DDP_SETTINGS = ("bucket_cap", "compression")

Key = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that differ only in world size, learning-rate rule, seed and repeat."""

    key: Mapping[str, object]  # what is equal in all runs, by name
    runs: tuple[RunRecord, ...]  # plain PyTorch at world size 1
    ddp_at_one: tuple[RunRecord, ...]  # world size 1 with the DDP wrapper, beside the curve

    @property
    def timed(self) -> tuple[RunRecord, ...]:
        """Runs of the curve that count for speed."""
        return first_of_launches(self.runs)

    @property
    def world_sizes(self) -> tuple[int, ...]:
        """World sizes of the curve, ascending."""
        return tuple(sorted({run.point.world_size for run in self.runs}))


def first_of_launches(runs: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """Return the runs without those that followed another in the same group of workers.

    What differs from launch to launch (addresses in memory, placement) they have in common: as
    repeats they would make intervals too narrow, and a drift of what is only another launch.
    """
    first: dict[str, RunRecord] = {}
    for run in sorted(runs, key=lambda run: run.order_index):
        first.setdefault(run.launch_id or run.run_id, run)
    return tuple(run for run in runs if first[run.launch_id or run.run_id] is run)


def groups_of(results: Results) -> tuple[Group, ...]:
    """Return the groups of comparable runs, the one with most world sizes first.

    What concerns DDP alone does not tell plain runs apart: each group has them as its baseline.
    """
    keyed = [
        (run, tuple(group_key(run, results.environments).items())) for run in valid_runs(results)
    ]
    with_ddp = {_without_ddp(key) for run, key in keyed if run.point.is_ddp}
    keys = dict.fromkeys(
        key for run, key in keyed if run.point.is_ddp or _without_ddp(key) not in with_ddp
    )
    groups = [
        _group(dict(key), [run for run, other in keyed if _belongs(run, other, key)])
        for key in keys
    ]
    return tuple(sorted(groups, key=lambda g: (-len(g.world_sizes), -len(g.runs))))


def _belongs(run: RunRecord, its: Key, key: Key) -> bool:
    return its == key or (not run.point.is_ddp and _without_ddp(its) == _without_ddp(key))


def _without_ddp(key: Key) -> Key:
    return tuple(item for item in key if item[0] not in DDP_SETTINGS)


def valid_runs(results: Results) -> tuple[RunRecord, ...]:
    """Return the finished runs whose clocks agree."""
    return tuple(run for run in results.ok_runs if not set(run.flags) & set(INVALID_FLAGS))


def group_key(run: RunRecord, environments: Mapping[str, EnvironmentRecord]) -> dict[str, object]:
    """Return everything that two runs must share before their speeds are compared."""
    point = run.point
    is_weak = point.scaling == "weak"
    key: dict[str, object] = {
        "workload": point.workload,
        "scaling": point.scaling,
        "batch": point.local_batch_size if is_weak else point.global_batch_size,
        "precision": point.precision,
        "memory_format": point.memory_format,
        "compile": point.compile or "none",  # older versions could not
        "bucket_cap": point.bucket_cap,
        "compression": (point.compression or "none") if point.is_ddp else None,
        "trainer": run.trainer or "tuned",  # older versions had no other
        "device": run.device,
        "dataset": run.dataset,
        "stand-in data": "standin_data" in run.flags,
    }
    environment = environments.get(run.environment_hash or "")
    if environment is not None:
        key |= {name: getattr(environment, name) for name in _ENVIRONMENT_FIELDS}
        key["gpu_names"] = tuple(sorted(set(environment.gpu_names)))
    return key


def differences(groups: tuple[Group, ...]) -> tuple[str, ...]:
    """Return the names of what differs between the groups."""
    names = dict.fromkeys(name for group in groups for name in group.key)
    return tuple(n for n in names if len(_values(n, groups)) > 1)


def _values(name: str, groups: tuple[Group, ...]) -> set[str]:
    if name in DDP_SETTINGS:  # they do not tell groups apart that are without DDP
        groups = tuple(g for g in groups if any(run.point.is_ddp for run in g.runs))
    return {repr(group.key.get(name)) for group in groups}


def _group(key: Mapping[str, object], runs: list[RunRecord]) -> Group:
    wrapped = [r for r in runs if r.point.world_size == 1 and r.point.is_ddp]
    has_plain = any(r.point.world_size == 1 and not r.point.is_ddp for r in runs)
    if not has_plain:  # then the wrapped runs are the only baseline at world size 1
        return Group(key, tuple(runs), ())
    curve = tuple(r for r in runs if r not in wrapped)
    return Group(key, curve, tuple(wrapped))
