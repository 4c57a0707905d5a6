"""Judge what surrounds the workers: noise, network, priority, threads, data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ray_bench.measure.check import Check, judged
from ray_bench.measure.noise import BLOCKS, Noise

_FINE_ENOUGH_FRAC = 0.01
_CALM_LOAD = 0.5


def noise(heard: Noise) -> Check:
    """Judge which differences of a speedup can be seen in spite of the machine's noise."""
    visible = heard.visible_frac
    stolen = "steal time unknown" if heard.steal_frac is None else f"{heard.steal_frac:.1%} stolen"
    seen = (
        f"equal work varies by {heard.spread_frac:.1%} (CV), {stolen}, load "
        f"{heard.load_per_core:.2f} a core: differences of a speedup above about {visible:.1%} can "
        f"be seen in a run of {BLOCKS} blocks"
    )
    is_calm = (heard.steal_frac or 0) < _FINE_ENOUGH_FRAC and heard.load_per_core < _CALM_LOAD
    return judged(
        "noise",
        seen,
        is_ok=visible <= _FINE_ENOUGH_FRAC and is_calm,
        change="Stop other programs, take dedicated cores, or average the noise out: repeats=5, "
        "interleaved=true, or stop.half_width=0.02.",
    )


def interfaces(names: Sequence[str], environment: Mapping[str, str]) -> Check:
    """Judge whether it is sure over which network the workers talk."""
    chosen = environment.get("GLOO_SOCKET_IFNAME") or environment.get("NCCL_SOCKET_IFNAME")
    if chosen:
        return Check(name="network", state="ok", seen=f"{chosen} is chosen")
    if len(names) <= 1:
        return Check(name="network", state="ok", seen=names[0] if names else "loopback only")
    return Check(
        name="network",
        state="limited",
        seen=f"several interfaces ({', '.join(names)}) and none is chosen",
        change=f"Choose: launch.env.GLOO_SOCKET_IFNAME={names[0]} (GPUs: NCCL_SOCKET_IFNAME), and "
        "measure it with `ray-bench network`.",
    )


def niceness(nice: int) -> Check:
    """Judge the priority at which workers would run."""
    if nice <= 0:
        return Check(name="niceness", state="ok", seen=f"{nice}; workers run at 0")
    return Check(
        name="niceness",
        state="limited",
        seen=f"{nice}: other programs go first",
        change="Start from a shell without nice.",
    )


def threads(omp_num_threads: str | None) -> Check:
    """Judge how many threads a worker's CPU operations take."""
    if omp_num_threads is None:
        return Check(
            name="threads",
            state="ok",
            seen="OMP_NUM_THREADS not set: a worker takes cpus_per_worker, rounded down",
        )
    return Check(
        name="threads",
        state="limited",
        seen=f"OMP_NUM_THREADS={omp_num_threads} is set and overrules cpus_per_worker",
        change="Unset it; workers x threads above the cores are oversubscribed.",
    )


def data_sets(places: Mapping[str, str | None]) -> Check:
    """Judge which data sets are here.

    Args:
        places: Where every data set is; None is nowhere.
    """
    found = [f"{name} ({place})" for name, place in places.items() if place is not None]
    missing = [name for name, place in places.items() if place is None]
    lacks = f"; missing {', '.join(missing)}" if missing else ""
    return judged(
        "data sets",
        f"found {', '.join(found) or 'none'}{lacks}",
        is_ok=not missing,
        change="Give data.dir, or data.download=true, or data.standin=true where a stand-in is "
        "good enough.",
    )
