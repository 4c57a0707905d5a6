"""Real curves over several hosts on one machine: 1, 2 and 4 of them, packed and spread.

    python -m benchmarks.hosts --save DIR [--parts NAME ...]     # as root on Linux

The hosts are network namespaces (`tests/cluster/lab.py`), their links shaped. Nothing in the
workers' environment tells ranks where the others are. The reports of the sweeps are the results;
what is printed beside them compares measurements with formulas and with forecasts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

import ray_bench
from ray_bench.api.results import SweepResults
from ray_bench.store import ResultsStore
from tests.cluster.lab import running_lab

RATE = "1gbit"
PATIENCE_S = 900.0
#: Of 1538 bytes of an Ethernet frame on the wire, 1448 are a TCP payload with time stamps.
BYTES_PER_S = 1e9 / 8 * 1448 / 1538
NO_PASSES = (
    "measure.phase_steps=0", "measure.sync_pairs=0", "measure.noise_steps=0",
    "measure.checkpoint=false",
)  # fmt: skip
#: 8 MB of gradients in four buckets; a step of one worker sleeps 320 ms.
EMULATED = (
    "workload=emulated", "batch_size=48", "emulated.compute_s_per_sample=0.005",
    "emulated.bucket_bytes=800000", "cpus_per_worker=1",
)  # fmt: skip
HALF = "emulated.bucket_bytes=400000"
#: What a replay of the steps needs: their phases and buckets, and all-reduce between the hosts.
PHASES = (
    "measure.sync_pairs=0", "measure.noise_steps=0", "measure.checkpoint=false",
    "measure.network=true", "--interleaved", "ladder.turn_s=2",
)  # fmt: skip
SPREAD = "launch.placement=SPREAD"


@dataclass(frozen=True)
class Part:
    """One command, and what it is for."""

    name: str
    num_hosts: int
    cpus: int  # that each host tells Ray
    command: tuple[str, ...]


PARTS = (
    Part("emulated", 4, 4, ("run", *EMULATED, *NO_PASSES, "world_sizes=[1,2,4]",
         "placements=[pack,spread]", "steps=60", "repeats=2")),
    Part("fashion", 4, 4, ("run", "workload=cnn-fashion-mnist", *NO_PASSES, "cpus_per_worker=1",
         "world_sizes=[1,2,4]", "placements=[pack,spread]", "epochs=3")),
    Part("network", 4, 1, ("run", *EMULATED, *NO_PASSES, "world_sizes=[2,3,4]", SPREAD, "steps=12",
         "measure.network=true")),
    Part("three", 4, 1, ("run", *EMULATED, *PHASES, "world_sizes=[1,2,3]", SPREAD)),
    Part("four", 4, 1, ("run", *EMULATED, *PHASES, "world_sizes=[1,2,3,4]", SPREAD)),
    Part("three-half", 4, 1, ("run", *EMULATED, HALF, *PHASES, "world_sizes=[1,2,3]", SPREAD)),
    Part("four-half", 4, 1, ("run", *EMULATED, HALF, *PHASES, "world_sizes=[1,2,3,4]", SPREAD)),
)  # fmt: skip


def run_part(part: Part, folder: Path) -> Path:
    """Run a part on a lab of its own; return its results."""
    results = folder / part.name
    begin_s = time.monotonic()
    with running_lab(part.num_hosts, rate=RATE, num_cpus=part.cpus) as lab:
        done = lab.ray_bench(*part.command, "--results", str(results), timeout_s=PATIENCE_S)
    if done.returncode != 0:
        raise RuntimeError(f"{part.name}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    print(f"{part.name}: {time.monotonic() - begin_s:.0f} s", file=sys.stderr)
    return results


def all_reduce_rows(results: Path) -> list[str]:
    """Compare the largest all-reduce between hosts with a ring over the link."""
    columns = ResultsStore(results).read().network
    if not columns:
        return []
    rows = []
    between = columns["num_nodes"] > 1
    for size in sorted(set(columns["world_size"][between])):
        mine = between & (columns["world_size"] == size)
        large = mine & (columns["num_bytes"] == columns["num_bytes"][mine].max())
        seconds = median(columns["duration_s"][large])
        num_bytes = int(columns["num_bytes"][large][0])
        ring_s = 2 * (size - 1) / size * num_bytes / BYTES_PER_S
        rows.append(
            f"| {size} | {num_bytes / 2**20:.0f} MiB | {seconds * 1e3:.1f} ms | "
            f"{ring_s * 1e3:.1f} ms | {seconds / ring_s - 1:+.1%} |"
        )
    return rows


def forecast_rows(three: Path, four: Path) -> list[str]:
    """Set the forecasts of 4 hosts, from 1 to 3, beside what 4 did: by a law, and by a replay."""
    known = ray_bench.load(three)
    rate = _rate(ray_bench.load(four), 4)
    said = known.predict([4]).iloc[0]
    names = ("", "low_", "high_")
    by_law = [float(said[f"throughput_{name}samples_per_s"]) for name in names]
    return [
        _row(f"law: {_law(known)}", by_law, rate),
        _row("replay of the buckets: `ray-bench predict`", _replayed(three), rate),
    ]


def _replayed(three: Path) -> list[float]:
    """Return samples/s of 4 hosts and its interval by `ray-bench predict`."""
    command = (sys.executable, "-m", "ray_bench", "predict", "--from", str(three), "--at", "4")
    done = subprocess.run([*command, "--format", "json"], capture_output=True, check=True)
    (row,) = json.loads(done.stdout)["predictions"]
    return [row["throughput"][name] for name in ("value", "low", "high")]


def _row(name: str, said: list[float], rate: float) -> str:
    value, low, high = said
    inside = "inside" if low <= rate <= high else "OUTSIDE"
    return (
        f"| {name} | {value:.1f} ({low:.1f} to {high:.1f}) | "
        f"{rate:.1f} | {value / rate - 1:+.1%}, {inside} |"
    )


def _law(sweep: SweepResults) -> str:
    fits = sweep.fits
    return ", ".join(fits[fits.is_chosen].law) or "none is chosen"


def _rate(sweep: SweepResults, size: int) -> float:
    runs = sweep.runs
    rates = runs[runs.world_size == size].throughput_samples_per_s
    return float(np.exp(np.log(rates).mean()))


def main() -> int:
    """Run the parts; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [part.name for part in PARTS]
    parser.add_argument("--parts", nargs="+", choices=names, default=names)
    parser.add_argument("--save", type=Path, help="keep the results here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rb-hosts-") as scratch:
        folder = arguments.save or Path(scratch)
        found = {p.name: run_part(p, folder) for p in PARTS if p.name in arguments.parts}
        if "network" in found:
            print("\n| ranks | all-reduce | measured | ring at the link's rate | difference |")
            print("|---|---|---|---|---|", *all_reduce_rows(found["network"]), sep="\n")
        for name in ("", "-half"):
            if {f"three{name}", f"four{name}"} <= set(found):
                print(f"\n| from 1, 2, 3 hosts{name} | 4 hosts, samples/s | measured | |")
                print("|---|---|---|---|")
                print(*forecast_rows(found[f"three{name}"], found[f"four{name}"]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
