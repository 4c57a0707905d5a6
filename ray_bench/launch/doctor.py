"""What a Ray cluster can give, for `ray-bench doctor`."""

from __future__ import annotations

import ray

from ray_bench.errors import LaunchError
from ray_bench.launch.cluster import Capacity, connected
from ray_bench.launch.tuned import why_plain
from ray_bench.measure.check import Check, judged


def cluster_check(address: str) -> Check:
    """Join the cluster at `address`, look at it and leave."""
    try:
        with connected(address, tuned=why_plain() is None) as have:
            alive = sum(bool(node["Alive"]) for node in ray.nodes())  # type: ignore[no-untyped-call]
    except LaunchError as err:
        return Check(
            name="cluster",
            state="limited",
            seen=f"Ray {ray.__version__} here; {str(err).partition('. ')[0]}",
            change="Check --address and the token: RAY_AUTH_MODE=token, RAY_AUTH_TOKEN_PATH.",
        )
    return judge(have, alive)


def judge(have: Capacity, num_nodes: int) -> Check:
    """Judge how many workers a cluster has room for."""
    workers = int(have.gpus or have.cpus)
    kind = "GPU" if have.gpus else "CPU"
    seen = (
        f"Ray {ray.__version__}, {num_nodes} node{'s' * (num_nodes != 1)}, {have.cpus:g} CPUs, "
        f"{have.gpus:g} GPUs: world sizes up to {workers} on {kind}"
    )
    return judged(
        "cluster", seen, is_ok=workers >= 2, change="Add nodes: one worker shows no scaling."
    )
