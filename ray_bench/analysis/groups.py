"""Which runs may be joined by a line, and which differ in something that changes speed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ray_bench.analysis.scripts import script_key, with_scaling
from ray_bench.config import settings
from ray_bench.records import EnvironmentRecord, Results, RunRecord

#: Flags of runs whose numbers cannot be trusted; they are listed and left out of every curve.
INVALID_FLAGS = (
    "clock_mismatch",
    "clock_backwards",
    "placement_differs",
    "stalled",
    "samples_unknown",
    "ranks_apart",
)

#: What of an environment must be equal. Hosts and commits may differ, and the number of nodes grows
#: with the world size.
ENVIRONMENT_FIELDS = (
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

#: What keeps the ranks of somebody's script in step; a single one needs nothing.
STRATEGY = "strategy"

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

    What concerns DDP alone does not tell plain runs apart, nor placement runs of one worker: each
    group has them as its baseline.
    """
    environments = results.environments
    runs = with_scaling(valid_runs(results), lambda run: _batchless(run, environments))
    keyed = [(run, tuple(group_key(run, environments).items())) for run in runs]
    groups = [
        _group(dict(key), [run for run, other in keyed if _belongs(run, other, key)])
        for key in _own_keys(keyed)
    ]
    return tuple(sorted(groups, key=lambda g: (-len(g.world_sizes), -len(g.runs))))


def _own_keys(keyed: Sequence[tuple[RunRecord, Key]]) -> list[Key]:
    """Return the keys of groups: of all runs but those that belong to others' groups anyway."""
    idle = {idle_settings(run) for run, _ in keyed}
    joined = {
        names: {_without(key, names) for run, key in keyed if idle_settings(run) < names}
        for names in idle
    }
    return list(
        dict.fromkeys(
            key
            for run, key in keyed
            if _without(key, idle_settings(run)) not in joined[idle_settings(run)]
        )
    )


def idle_settings(run: RunRecord) -> frozenset[str]:
    """Return the settings that make no difference to a run."""
    swept = (x.name for x in settings.SETTINGS if x.is_idle(run))
    return frozenset((*swept, *((STRATEGY,) if run.point.world_size == 1 else ())))


def _belongs(run: RunRecord, its: Key, key: Key) -> bool:
    idle = idle_settings(run)
    return _without(its, idle) == _without(key, idle)


def _batchless(run: RunRecord, environments: Mapping[str, EnvironmentRecord]) -> Key:
    """Return what must be equal in runs whose batches then tell the scaling mode."""
    apart = (x.name for x in settings.SETTINGS if x.needs_ddp or x.needs_several)
    names = ("scaling", "batch", "accumulate_steps", *apart, STRATEGY)
    return _without(tuple(group_key(run, environments).items()), names)


def _without(key: Key, names: Collection[str]) -> Key:
    return tuple(item for item in key if item[0] not in names)


def valid_runs(results: Results) -> tuple[RunRecord, ...]:
    """Return the finished runs whose clocks agree, and that were where they were to be."""
    return tuple(run for run in results.ok_runs if not set(run.flags) & set(INVALID_FLAGS))


def group_key(run: RunRecord, environments: Mapping[str, EnvironmentRecord]) -> dict[str, object]:
    """Return everything that two runs must share before their speeds are compared."""
    point = run.point
    is_weak = point.scaling == "weak"
    key: dict[str, object] = {
        "workload": point.workload,
        "scaling": point.scaling,
        "batch": point.local_batch_size if is_weak else point.global_batch_size,
        **{x.name: x.of(run) for x in settings.SETTINGS},
        "clip_grad_norm": point.clip_grad_norm,
        "trainer": run.trainer or "tuned",  # older versions had no other
        "device": run.device,
        "dataset": run.dataset,
        "stand-in data": "standin_data" in run.flags,
    }
    key |= script_key(run)
    environment = environments.get(run.environment_hash or "")
    if environment is not None:
        key |= {name: getattr(environment, name) for name in ENVIRONMENT_FIELDS}
        key["gpu_names"] = tuple(sorted(set(environment.gpu_names)))
    return key


def differences(groups: tuple[Group, ...]) -> tuple[str, ...]:
    """Return the names of what differs between the groups."""
    names = dict.fromkeys(name for group in groups for name in group.key)
    return tuple(n for n in names if len(_values(n, groups)) > 1)


def _values(name: str, groups: tuple[Group, ...]) -> set[str]:
    # What makes no difference to any run of a group does not tell it apart.
    groups = tuple(g for g in groups if any(name not in idle_settings(run) for run in g.runs))
    return {repr(group.key.get(name)) for group in groups}


def _group(key: Mapping[str, object], runs: list[RunRecord]) -> Group:
    wrapped = [r for r in runs if r.point.world_size == 1 and r.point.is_ddp]
    has_plain = any(r.point.world_size == 1 and not r.point.is_ddp for r in runs)
    if not has_plain:  # then the wrapped runs are the only baseline at world size 1
        return Group(key, tuple(runs), ())
    curve = tuple(r for r in runs if r not in wrapped)
    return Group(key, curve, tuple(wrapped))
