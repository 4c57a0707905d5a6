"""Does the service answer a busy team at once, on one core, while sweeps are being written?"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import httpx

from benchmarks.common import Aim, Measure, Outcome, emit, parser, positive, say
from benchmarks.stores import (
    SWEEP_ID,
    made_up_sweep,
    write_other_sweeps,
    write_store,
)
from ray_bench.records import RunData
from ray_bench.store import ResultsStore
from ray_bench.store.answers import AnswerRecord, basis_of
from ray_bench.store.live import write_live

QUESTION = (
    "Milliseconds until a page of the service is there, at a steady number of requests a second, "
    "with the service on one core and a sweep written into its store meanwhile."
)
AGE = timedelta(days=30)
_WORDS = ("resnet", "cifar10 batch_size", "20251203", "nothing-fits-this")
_SORTS = ("measured", "efficiency", "sweep", "time")


@dataclass(slots=True)
class Load:
    """What came back."""

    taken_ms: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main() -> None:
    """Run the benchmark."""
    made = parser("serve_load", QUESTION)
    made.add_argument("--sweeps", type=positive, default=1000)
    made.add_argument("--runs", type=positive, default=10, help="of each sweep")
    made.add_argument("--rate", type=positive, default=200, help="requests a second")
    made.add_argument("--seconds", type=positive, default=30)
    made.add_argument("--store", type=Path, metavar="DIR", help="made there once, and kept")
    arguments = made.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rb-")))
        root = arguments.store or folder / "results"
        if not (root / "sweeps").exists():
            say(f"writing {arguments.sweeps} sweeps")
            write_all(root, arguments.sweeps, arguments.runs)
        emit(measured(root, folder, arguments.rate, arguments.seconds), arguments)


def measured(root: Path, folder: Path, rate: int, seconds: int) -> Outcome:
    """Return what two services on a store took to answer the first one's load."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[1:] or cores)
    with ExitStack() as stack:
        service, url, start_s = stack.enter_context(serving(root, folder / "one", cores[0]))
        idle_mb = memory_mb(service.pid)
        wait_for_report(url)
        _, other, _ = stack.enter_context(serving(root, folder / "two", cores[-1]))
        written = stack.enter_context(writing(root))
        before_s = core_s(service.pid)
        load = asyncio.run(loaded(url, rate, seconds))
        used_s = core_s(service.pid) - before_s
        written.set()
        peak_mb = memory_mb(service.pid)
        time.sleep(3)
        counts = [
            httpx.get(f"{x}/api/v1/sweeps", timeout=30).json()["num_all"] for x in (url, other)
        ]
    num_stored = len(ResultsStore(root).sweeps())
    cuts = statistics.quantiles(load.taken_ms, n=100)
    return Outcome(
        benchmark="serve_load",
        question=QUESTION,
        measures=(
            Measure(
                name="until a page is there, median", value=cuts[49], unit="ms", aim=at_most(100)
            ),
            Measure(name="until a page is there, 95 % within", value=cuts[94], unit="ms"),
            Measure(name="until a page is there, 99 % within", value=cuts[98], unit="ms"),
            Measure(
                name="of the core a request", value=1e3 * used_s / len(load.taken_ms), unit="ms"
            ),
            Measure(
                name="requests answered a second",
                value=len(load.taken_ms) / load.seconds,
                unit="1/s",
            ),
            Measure(
                name="answers that were errors", value=len(load.failed), unit="", aim=at_most(0)
            ),
            Measure(name="start until the list is there", value=start_s, unit="s", aim=at_most(2)),
            Measure(name="memory after the first page", value=idle_mb, unit="MB"),
            Measure(name="memory at its peak", value=peak_mb, unit="MB", aim=at_most(400)),
            Measure(
                name="sweeps that a service lacks at the end",
                value=float(max(abs(num_stored - x) for x in counts)),
                unit="",
                aim=at_most(0),
            ),
        ),
        notes=(
            f"{num_stored:,} sweeps; {rate} requests a second for {seconds} s.",
            f"The service has core {cores[0]}; load, writer and a second service have the others.",
            *(f"Failed: {x}" for x in sorted(set(load.failed))[:5]),
        ),
    )


def at_most(value: float) -> Aim:
    """Return an aim."""
    return Aim(bound="at most", value=value)


def write_all(root: Path, num_sweeps: int, num_runs: int) -> None:
    """Write sweeps with answers, and one that can be reported."""
    with mock.patch.object(os, "fsync"):  # how long it takes to write is not the question
        write_other_sweeps(root, num_sweeps - 1, num_runs, AGE)
        write_store(root, num_block_rows=10_000)
        write_answers(ResultsStore(root))


def write_answers(store: ResultsStore) -> None:
    """Write an answer of every sweep, and labels of some; all but one have the same runs."""
    known = {SWEEP_ID: basis(store, SWEEP_ID)}
    first = basis(store, next(x.sweep_id for x in store.sweeps() if x.sweep_id != SWEEP_ID))
    for number, sweep in enumerate(store.sweeps()):
        store.write_answer(answer_of(sweep.sweep_id, known.get(sweep.sweep_id, first), number))
        if number % 3 == 0:
            store.label(sweep.sweep_id, added=[f"team-{number % 7}"], note="made up")


def basis(store: ResultsStore, sweep_id: str) -> str:
    """Return what an answer to the runs of a sweep is based on."""
    return basis_of((x.run_id, x.attempt, x.status) for x in store.runs(sweep_id))


def answer_of(sweep_id: str, basis: str, number: int) -> AnswerRecord:
    """Return a made-up answer."""
    value = 0.5 + (number % 50) / 100
    bounds = {"value": value, "low": value - 0.02, "high": value + 0.02}
    one = {"world_size": 1, "value": 1.0, "low": None, "high": None}
    return AnswerRecord(
        sweep_id=sweep_id,
        made_at_utc=datetime.now(UTC),
        ray_bench_version="0.1.0",
        basis=basis,
        lead="Use 2 workers for now: 1.79x as fast as one (95 % interval 1.71 to 1.88).",
        world_size=2,
        hardware="64-core made up",
        figures_json=json.dumps([{"key": "efficiency", "unit": "frac", **bounds}]),
        num_caveats=number % 4,
        curve_json=json.dumps([one, {"world_size": 2, **bounds}]),
    )


@contextmanager
def serving(
    root: Path, state: Path, core: int
) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """Give a service on one core, its address, and the seconds until its list was there."""
    command = [sys.executable, "-m", "ray_bench", "serve", str(root), "--port", "0"]
    log = state.with_suffix(".log")
    begin_s = time.perf_counter()
    with log.open("w") as file:
        pinned = ["taskset", "-c", str(core), *command, "--state-dir", str(state)]
        service = subprocess.Popen(pinned, stdout=file, stderr=file, text=True)
    try:
        url = None
        while url is None and service.poll() is None:
            time.sleep(0.01)
            found = re.search(r"http://127[\d.:]+", log.read_text())
            url = found and found[0]
        if url is None:
            raise RuntimeError(f"The service did not start: {log.read_text()[-2000:]}")
        httpx.get(f"{url}/sweeps", timeout=120).raise_for_status()
        yield service, url, time.perf_counter() - begin_s
    finally:
        service.terminate()
        service.wait(30)


def memory_mb(pid: int) -> float:
    """Return the most memory that a process has had, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else float("nan")


def core_s(pid: int) -> float:
    """Return the seconds that a process has had of a core: whoever else is busy."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def paths() -> list[str]:
    """Return the pages of the load."""
    lists = [
        f"/sweeps?{'&'.join(x)}"
        for x in itertools.product(("page=1", "page=2", "page=7"), [f"sort={x}" for x in _SORTS])
    ]
    searches = [f"/sweeps?q={x}" for x in _WORDS]
    return [
        *lists,
        *searches,
        "/sweeps",
        "/api/v1/sweeps",
        "/api/v1/sweeps?tag=team-3",
        f"/api/v1/sweeps/{SWEEP_ID}",
        f"/sweeps/{SWEEP_ID}",
        f"/sweeps/{SWEEP_ID}/runs",
        "/healthz",
        "/static/serve.css",
    ]


def wait_for_report(url: str) -> None:
    """Let the one report of the load be made before it is measured."""
    httpx.get(f"{url}/sweeps/{SWEEP_ID}/report.json", timeout=300).raise_for_status()


async def loaded(url: str, rate: int, seconds: int) -> Load:
    """Return what came back of a steady load; a late answer holds up no other request."""
    load, asked = Load(), paths()
    rng = random.Random(0)
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=2)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
        begin_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(rate * seconds):
                await asyncio.sleep(begin_s + number / rate - time.perf_counter())
                group.create_task(_ask(client, rng.choice(asked), load))
        load.seconds = time.perf_counter() - begin_s
    return load


async def _ask(client: httpx.AsyncClient, path: str, load: Load) -> None:
    begin_s = time.perf_counter()
    try:
        answer = await client.get(path, headers={"Accept": "text/html"})
        if answer.status_code != 200:
            load.failed.append(f"{path} {answer.status_code}")
    except httpx.HTTPError as err:
        load.failed.append(f"{path} {type(err).__name__}")
    load.taken_ms.append(1e3 * (time.perf_counter() - begin_s))


@contextmanager
def writing(root: Path) -> Iterator[threading.Event]:
    """Write a sweep, two runs a second, and its live state, until the event is set."""
    ended = threading.Event()
    thread = threading.Thread(target=_write, args=(ResultsStore(root), ended))
    thread.start()
    try:
        yield ended
    finally:
        ended.set()
        thread.join()


def _write(store: ResultsStore, ended: threading.Event) -> None:
    sweep_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-abcdef"
    sweep, run = made_up_sweep(sweep_id)
    store.write_sweep(sweep)
    for number in itertools.count():
        store.write_run(RunData(run=replace(run, run_id=f"run-{number}")))
        counts = {"num_planned": 999, "num_ended": number, "num_failed": 0, "left_s": None}
        write_live(store, sweep_id, {"state": "running", **counts, "points": [], "runs": []})
        if ended.wait(0.5):
            return


if __name__ == "__main__":
    main()
