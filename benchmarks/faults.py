"""Faults, one after the other: what is recorded, how soon the next run begins, what is left.

    python -m benchmarks.faults [NAME ...]     # as root on Linux; without names all of them

Each fault has a short sweep of its own on two hosts of a network lab (`tests/cluster/lab.py`); the
signals to a process group have a cluster of the sweep's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ray_bench.records import RunRecord
from ray_bench.store import ResultsStore
from tests import faulty
from tests.cluster.lab import ROOT, Lab, running_lab

#: After this long nothing of a sweep may be left.
LEFT_AFTER_S = 10.0
_LONG_S = 400.0

#: Idle workers wait for the next job for a while; agents live as long as their node.
RAYS_OWN = ("IDLE", "Agent")

LEFT = """
import json, ray
from ray._private import state
ray.init(log_to_driver=False, logging_level=50)
job = ray.get_runtime_context().get_job_id()
actors = [a for a in state.actors().values() if a["State"] != "DEAD" and a["JobID"] != job]
groups = [g for g in ray.util.placement_group_table().values() if g["state"] != "REMOVED"]
print("LEFT", json.dumps([[a["ActorClassName"] for a in actors], len(groups)]))
"""
HOLD = """
import sys, time, ray
ray.init(log_to_driver=False, logging_level=50)
group = ray.util.placement_group([{"CPU": 1}] * 4, strategy="SPREAD")
ray.get(group.ready())
print("holding", flush=True)
time.sleep(float(sys.argv[1]))
"""


@dataclass
class Played:
    """What became of a sweep with a fault in it."""

    name: str
    happened_s: float | None  # the time of the fault; None where there was none
    ended_s: float
    output: str
    runs: Sequence[RunRecord]
    left: str
    code: int
    notes: list[str] = field(default_factory=list)

    @property
    def next_run(self) -> str:
        """Seconds from the fault to the start of the next run."""
        if self.happened_s is None:
            return "-"
        starts = [run.started_at_utc.timestamp() for run in self.runs]
        later = [start for start in starts if start > self.happened_s]
        if later:
            return f"{min(later) - self.happened_s:.1f} s"
        return f"ended after {self.ended_s - self.happened_s:.1f} s"

    @property
    def recorded(self) -> str:
        """Each run's status and cause."""
        said = []
        for run in sorted(self.runs, key=lambda run: run.order_index):
            flags = " (stalled)" if "stalled" in run.flags else ""
            cause = f" {run.error_type}: {run.error_message}" if run.error_type else ""
            rank = "" if run.error_rank is None else f" [rank {run.error_rank}]"
            wait = f", waited {run.wait_s:.0f} s" if (run.wait_s or 0) > 2 else ""
            said.append(f"{run.status}{flags}{wait}{cause}{rank}")
        return "; ".join([*said, *self.notes]) or "nothing"


@dataclass
class Sweep:
    """A sweep that is going on somewhere."""

    process: subprocess.Popen[bytes]
    results: Path
    mark: Path
    log: Path

    def wait_for_the_middle(self) -> float:
        """Return the time at which the first run was in its middle."""
        deadline = time.monotonic() + _LONG_S
        while not (self.mark.exists() and self.mark.read_text()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The sweep ended too early:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.1)
        return float(self.mark.read_text())


def arguments(results: Path, mark: Path, seeds: Sequence[int], *more: str) -> list[str]:
    """Return the command line of a sweep of two workers, on two hosts where there are two."""
    return [
        "run", "workload=tests.faulty:Faulty", "world_sizes=[2]", f"seeds={list(seeds)}",
        "epochs=120", "measure.phase_steps=0", "measure.sync_pairs=0", "measure.noise_steps=0",
        "launch.placement=SPREAD", f"launch.env.{faulty.MARK}={mark}", *more,
        "--results", str(results), "--quiet",
    ]  # fmt: skip


@contextlib.contextmanager
def sweep_in(lab: Lab | None, seeds: Sequence[int], *more: str) -> Iterator[Sweep]:
    """Start a sweep on the lab's head, or with a cluster of its own; end it at the end."""
    with tempfile.TemporaryDirectory(prefix="faults", dir="/tmp") as name:
        folder = Path(name)
        results, mark, log = folder / "results", folder / "mark", folder / "log"
        command = [sys.executable, "-m", "ray_bench", *arguments(results, mark, seeds, *more)]
        environment = dict(os.environ)
        if lab is not None:
            command, environment = lab.network.inside(1, *command), lab.environment(1)
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, stdout=file, stderr=file, cwd=ROOT, env=environment,
                start_new_session=True,
            )  # fmt: skip
        try:
            yield Sweep(process, results, mark, log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def driver_of(sweep: Sweep) -> psutil.Process:
    """Return the program itself, which a lab starts through others."""
    family = [psutil.Process(sweep.process.pid)]
    family += family[0].children(recursive=True)
    return next(p for p in family if "ray_bench" in p.cmdline() and "python" in p.name())


def play(
    name: str,
    lab: Lab | None,
    seeds: Sequence[int],
    *more: str,
    harm: Callable[[Sweep], float | None],
) -> Played:
    """Run a sweep, do it harm, and look at what is left."""
    with sweep_in(lab, seeds, *more) as sweep:
        happened_s = harm(sweep)
        code = sweep.process.wait(timeout=_LONG_S)
        ended_s = time.time()
        time.sleep(LEFT_AFTER_S)
        store = ResultsStore(sweep.results)
        sweeps = store.sweeps() if sweep.results.exists() else ()
        output = sweep.log.read_text()
        played = Played(
            name=name,
            happened_s=happened_s,
            ended_s=ended_s,
            output=output,
            runs=store.runs(sweeps[-1].sweep_id) if sweeps else (),
            left=left_on(lab) if lab is not None else "see below",
            code=code,
        )
        if "--resume" in output:
            played.notes.append("resume line")
        return played


def left_on(lab: Lab) -> str:
    """Return actors, placement groups and working processes on the lab's hosts."""
    try:
        said = lab.on(1, sys.executable, "-c", LEFT, timeout_s=40).stdout
    except subprocess.TimeoutExpired:
        said = ""
    line = next((x for x in said.splitlines() if x.startswith("LEFT ")), None)
    actors, groups = json.loads(line.removeprefix("LEFT ")) if line else (["a dead cluster"], 0)
    titles = []
    for pid in (pid for host in lab.hosts for pid in lab.network.pids(host)):
        with contextlib.suppress(psutil.Error):
            title = " ".join(psutil.Process(pid).cmdline()).strip()
            if title.startswith("ray::") and not any(x in title for x in RAYS_OWN):
                titles.append(title)
    found = [*actors, *(["a placement group"] * groups), *titles]
    return ", ".join(found) or "nothing"


def send(number: signal.Signals) -> Callable[[Sweep], float]:
    """Return what sends a signal to the program in the middle of a run."""

    def harm(sweep: Sweep) -> float:
        sweep.wait_for_the_middle()
        driver_of(sweep).send_signal(number)
        return time.time()

    return harm


def send_group(number: signal.Signals) -> Callable[[Sweep], float]:
    """Return what sends a signal to the whole process group."""

    def harm(sweep: Sweep) -> float:
        sweep.wait_for_the_middle()
        os.killpg(sweep.process.pid, number)
        return time.time()

    return harm


def in_the_middle(act: Callable[[], object]) -> Callable[[Sweep], float]:
    """Return what does something to the lab in the middle of a run."""

    def harm(sweep: Sweep) -> float:
        sweep.wait_for_the_middle()
        begin_s = time.time()
        act()
        return begin_s

    return harm


def kill_head(lab: Lab) -> None:
    """Kill the process that every node of a cluster talks to."""
    for pid in lab.network.pids(1):
        process = psutil.Process(pid)
        if process.name() == "gcs_server":
            process.kill()


SHORT = "launch.timeout_s=10"
LASTS, FINE = faulty.LASTS, faulty.FINE


def in_worker(seed: int, *more: str) -> Callable[[Lab], Played]:
    """Return a fault that a rank has by itself; the runs beside it have none."""

    def run(lab: Lab) -> Played:
        order = order_with_first(seed)
        harm = middle if seed in faulty.HARMS else nothing
        return play(NAMES[seed], lab, (seed, FINE), order, *more, harm=harm)

    return run


def middle(sweep: Sweep) -> float:
    """Return when a rank does the harm itself."""
    return sweep.wait_for_the_middle()


def nothing(_: Sweep) -> None:
    """The time of the fault is not known."""


def order_with_first(seed: int) -> str:
    """Return a setting under which this seed's run is the first of two."""
    from ray_bench.config.grid import expand
    from ray_bench.config.load import fill_in, load

    for number in range(50):
        order = f"launch.order_seed={number}"
        asked = ["workload=tests.faulty:Faulty", "world_sizes=[2]", f"seeds=[{seed},{FINE}]", order]
        config = fill_in(load(None, asked), faulty.Faulty.defaults)
        if expand(config)[0].point.seed == seed:
            return order
    raise RuntimeError("no order has it first")


NAMES = {
    faulty.RAISES_ON_RANK_ONE: "a rank raises in build",
    faulty.DIES: "a worker is killed",
    faulty.EXITS: "a rank exits with 3",
    faulty.UNPICKLABLE: "an exception that cannot be pickled",
    faulty.HANGS: "a rank hangs",
    faulty.STOPS: "a rank is stopped for good",
    faulty.STALLS: f"a rank is stopped for {faulty.STALL_S} s",
}


def host_lost(lab: Lab) -> Played:
    """The other host dies and does not come back; then it does."""
    harm = in_the_middle(lambda: lab.kill(2))
    played = play("a host dies", lab, (LASTS, FINE), "launch.placement=STRICT_SPREAD", harm=harm)
    lab.start(2)
    return played


def link_cut(lab: Lab) -> Played:
    """The other host is cut off for a minute."""

    def harm(sweep: Sweep) -> float:
        sweep.wait_for_the_middle()
        lab.network.cut(2)
        begin_s = time.time()
        time.sleep(60)
        lab.network.mend(2)
        return begin_s

    more = ("launch.placement=STRICT_SPREAD", "launch.timeout_s=120")
    played = play("the link is cut for 60 s", lab, (LASTS, FINE), *more, harm=harm)
    if "HostLost" in played.recorded:
        lab.kill(2)
        lab.start(2)
    return played


def busy(lab: Lab) -> Played:
    """Another job has all places when the sweep begins."""
    command = lab.network.inside(1, sys.executable, "-c", HOLD, "40")
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=lab.environment(1)) as other:
        assert other.stdout is not None
        other.stdout.readline()
        played = play("places taken for 40 s", lab, (FINE,), harm=nothing)
        other.kill()
    played.notes += [x for x in played.output.splitlines() if x.startswith("waiting for")][:1]
    return played


def infeasible(lab: Lab) -> Played:
    """More hosts are asked for than there are."""
    begin_s = time.time()
    more = ("world_sizes=[4]", "launch.placement=STRICT_SPREAD")
    played = play("4 workers on as many hosts, of 2", lab, (FINE,), *more, harm=lambda _: begin_s)
    played.notes += [x for x in played.output.splitlines() if x.startswith("error:")]
    return played


def head_killed(lab: Lab) -> Played:
    """The last fault: the cluster is gone after it."""
    harm = in_the_middle(lambda: kill_head(lab))
    played = play("GCS is killed", lab, (LASTS, FINE), harm=harm)
    played.notes += [x for x in played.output.splitlines() if x.startswith("error:")]
    return played


def by_signal(name: str, number: signal.Signals) -> Callable[[Lab], Played]:
    """Return the fault of a signal to the program on a joined cluster."""
    return lambda lab: play(name, lab, (LASTS, FINE), harm=send(number))


def own_group(_: Lab) -> Played:
    """SIGTERM to the process group of a sweep with a Ray of its own."""
    before = set(psutil.pids())
    more = ("--address", "local")
    played = play("SIGTERM to the group, own Ray", None, (LASTS, FINE), *more,
                  harm=send_group(signal.SIGTERM))  # fmt: skip
    mine = []
    for pid in set(psutil.pids()) - before:
        with contextlib.suppress(psutil.Error):
            if "RAY_BENCH_OWN_CLUSTER" in psutil.Process(pid).environ():
                mine.append(str(pid))
    played.left = ", ".join(mine) or "nothing"
    return played


FAULTS: dict[str, Callable[[Lab], Played]] = {
    "infeasible": infeasible,
    "busy": busy,
    "raises": in_worker(faulty.RAISES_ON_RANK_ONE),
    "dies": in_worker(faulty.DIES),
    "exits": in_worker(faulty.EXITS),
    "unpicklable": in_worker(faulty.UNPICKLABLE),
    "hangs": in_worker(faulty.HANGS, SHORT),
    "stops": in_worker(faulty.STOPS, SHORT),
    "stalls": in_worker(faulty.STALLS),
    "sigterm": by_signal("SIGTERM", signal.SIGTERM),
    "sigint": by_signal("Ctrl-C", signal.SIGINT),
    "sighup": by_signal("SIGHUP", signal.SIGHUP),
    "sigkill": by_signal("SIGKILL", signal.SIGKILL),
    "group": own_group,
    "host": host_lost,
    "cut": link_cut,
    "head": head_killed,
}


def main(names: Sequence[str]) -> None:
    """Play the faults and print a row each."""
    wanted = list(names) or list(FAULTS)
    print("| fault | recorded | exit | to the next run | left after 10 s |\n|---|---|---|---|---|")
    with running_lab(2, rate="1gbit") as lab:
        for name in wanted:
            played = FAULTS[name](lab)
            row = (played.name, played.recorded, str(played.code), played.next_run, played.left)
            print("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
