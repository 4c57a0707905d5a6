"""What must be equal in two sweeps before they are compared, and what may be their subject."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ray_bench.analysis.groups import Group
from ray_bench.config import settings
from ray_bench.config.trained import TRAINED
from ray_bench.records import EnvironmentRecord


class Allow(StrEnum):
    """Kinds of differences that are refused unless they are allowed."""

    WORKLOAD = "workload"
    DATA = "data"
    BATCH = "batch"
    PRECISION = "precision"
    HARDWARE = "hardware"
    THREADS = "threads"
    SETTINGS = "settings"
    METHOD = "method"
    OVERSUBSCRIBED = "oversubscribed"


#: The kind of every fact that is refused where it differs, the swept settings apart; None: it is
#: never allowed. What is not named may differ, and is reported: versions, commit, hosts, size of
#: the model.
_REFUSED: Mapping[str, Allow | None] = {
    "scaling": None,
    "emulated": None,
    "workload": Allow.WORKLOAD,
    "dataset": Allow.DATA,
    "standin_data": Allow.DATA,
    "num_train_samples": Allow.DATA,
    "batch": Allow.BATCH,
    "device": Allow.HARDWARE,
    "gpu_names": Allow.HARDWARE,
    "cpu_model": Allow.HARDWARE,
    "num_cpus": Allow.HARDWARE,
    "cpu_governor": Allow.HARDWARE,
    "omp_num_threads": Allow.THREADS,
    "niceness": Allow.THREADS,
    "ddp_arguments": Allow.SETTINGS,
    "clip_grad_norm": Allow.SETTINGS,
    "interleaved": Allow.METHOD,
    "trainer": Allow.METHOD,
}


def refused() -> dict[str, Allow | None]:
    """Return the kind of every fact that is refused where it differs, kind by kind."""
    swept = {x.name: Allow(x.refusal) for x in settings.SETTINGS}
    swept |= dict.fromkeys(TRAINED, Allow.SETTINGS)
    order = [None, *Allow]
    return dict(sorted({**_REFUSED, **swept}.items(), key=lambda item: order.index(item[1])))


#: Facts that may differ between the runs of one curve: then all of them are one fact.
_OF_THE_RUN = (
    *("num_train_samples", "num_val_samples", "num_params", "grad_bytes"),
    "optimizer",
)
_OF_THE_HOST = ("hostnames", "kernel", "commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A fact that differs between the two sweeps."""

    name: str
    base: object  # None is unknown
    new: object
    is_refused: bool  # where it is not allowed
    allow: Allow | None  # the kind that allows it; None: nothing does, or nothing has to

    def is_in_the_way(self, allowed: Collection[Allow]) -> bool:
        """Return whether it forbids the comparison."""
        return self.is_refused and self.allow not in allowed


def facts_of(group: Group, environments: Mapping[str, EnvironmentRecord]) -> dict[str, object]:
    """Return everything about a curve that is compared, or that is reported where it differs."""
    runs = group.runs
    facts = {name.replace("-", "").replace(" ", "_"): value for name, value in group.key.items()}
    facts["emulated"] = any("emulated" in run.flags for run in runs)
    facts["interleaved"] = any(run.ladder_id is not None for run in runs)
    for name in _OF_THE_RUN:
        facts[name] = _only({getattr(run, name) for run in runs})
    for name in (x.name for x in settings.SETTINGS if x.needs_ddp):
        facts[name] = _only({getattr(run.point, name) for run in runs})
    hosts = {run.run_id: environments.get(run.environment_hash or "") for run in runs}
    for name in _OF_THE_HOST:
        facts[name] = _only({getattr(host, name) for host in hosts.values() if host is not None})
    wrapped = (hosts[run.run_id] for run in runs if run.point.is_ddp)
    facts["ddp_arguments"] = _only({_arguments(x.ddp_arguments) for x in wrapped if x is not None})
    return facts


def _arguments(ddp_arguments: str) -> str:
    """Return DDP's arguments without the bucket size, which may have been chosen by measuring.

    What was asked for is `bucket_cap`.
    """
    try:
        values = json.loads(ddp_arguments)
    except ValueError:
        return ddp_arguments
    if not isinstance(values, dict):
        return ddp_arguments
    values.pop("bucket_cap_mb", None)
    return json.dumps(values, sort_keys=True)


def _only(values: set[object]) -> object:
    """Return the value, or all of them where there are several; None where none is known."""
    known = sorted((value for value in values if value is not None), key=repr)
    return known[0] if len(known) == 1 else tuple(known) or None


def differences(base: Mapping[str, object], new: Mapping[str, object]) -> tuple[Difference, ...]:
    """Return what differs, the facts that are refused first."""
    kinds = refused()
    names = [*kinds, *(name for name in {**base, **new} if name not in kinds)]
    return tuple(
        Difference(
            name=name,
            base=base.get(name),
            new=new.get(name),
            is_refused=name in kinds,
            allow=kinds.get(name),
        )
        for name in names
        if base.get(name) != new.get(name) and not _is_unknown(name, base, new)
    )


def _is_unknown(name: str, *sides: Mapping[str, object]) -> bool:
    """Whether a side has no configuration that says how it was trained."""
    return name in TRAINED and any(name not in side for side in sides)
