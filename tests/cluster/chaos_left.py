"""What a sweep has left on the hosts of a lab."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.chaos_faults import title
from tests.cluster.lab import Lab

#: Idle workers wait for the next job for a while; agents live as long as their node.
RAYS_OWN = ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent")
_ASK = """
import json, ray
from ray._private import state
ray.init(log_to_driver=False, logging_level=50)
job = ray.get_runtime_context().get_job_id()
actors = [a for a in state.actors().values() if a["State"] != "DEAD" and a["JobID"] != job]
groups = [g for g in ray.util.placement_group_table().values() if g["state"] != "REMOVED"]
free, total = ray.available_resources().get("CPU", 0), ray.cluster_resources().get("CPU", 0)
print("LEFT", json.dumps([[a["ActorClassName"] for a in actors], len(groups), free, total]))
"""


@dataclass(frozen=True)
class Left:
    """What is there that should not be."""

    processes: Sequence[str]  # host and title
    actors: Sequence[str]
    num_groups: int
    scratch: Sequence[str]
    spooled: Sequence[str]
    free_cpus: float
    total_cpus: float

    @property
    def words(self) -> list[str]:
        """Return one complaint for each kind."""
        kinds = {
            "processes": self.processes,
            "actors": self.actors,
            "placement groups": [self.num_groups] if self.num_groups else [],
            "scratch folders": self.scratch,
            "runs kept aside": self.spooled,
        }
        words = [f"{kind} left: {', '.join(map(str, x))}" for kind, x in kinds.items() if x]
        if self.free_cpus != self.total_cpus:
            words.append(f"{self.free_cpus:g} of {self.total_cpus:g} CPUs are free")
        return words


def left_over(lab: Lab, scratch: Path) -> Left:
    """Look at both hosts, and ask Ray."""
    processes = [
        f"host {host}: {name}"
        for host in lab.hosts
        for name in map(title, lab.network.pids(host))
        if _is_ours(name)
    ]
    asked = lab.on(1, sys.executable, "-c", _ASK)
    lines = [x for x in asked.stdout.splitlines() if x.startswith("LEFT ")]
    if not lines:
        raise RuntimeError(f"Ray did not say what is left: {asked.stderr[-2000:]}")
    actors, num_groups, free, total = json.loads(lines[0].removeprefix("LEFT "))
    spool = lab.folder / ".local" / "state" / "ray_bench" / "spool"
    return Left(
        processes=processes,
        actors=actors,
        num_groups=num_groups,
        scratch=[path.name for path in scratch.glob("ray_bench-*")],
        spooled=[path.name for path in spool.glob("*/*")],
        free_cpus=free,
        total_cpus=total,
    )


def _is_ours(name: str) -> bool:
    is_rays = name.startswith("ray::") and not name.startswith(RAYS_OWN)
    return is_rays or "-m ray_bench" in name
