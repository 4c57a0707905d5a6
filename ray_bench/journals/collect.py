"""Brings jobs that were measured beside their scripts into a results store.

It is done when results are read, not by the job at its end: only then is it sure that all ranks
have written all they have, and a job that was killed is found like one that ended.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import ray_bench
from ray_bench.errors import AlreadyStoredError, StoreError
from ray_bench.journals.convert import attached_run, script_name
from ray_bench.journals.launch import Launch, RankFile, launch_of
from ray_bench.measure.node import node_name
from ray_bench.records import RunRecord, SweepRecord
from ray_bench.store import ResultsStore

FOLDER = "attached"
#: A job on another machine that has written nothing for so long is taken for dead.
SILENT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was found beside a store."""

    run_ids: tuple[str, ...] = ()  # that were stored now
    notes: tuple[str, ...] = ()  # what a person should know


def collect(store: ResultsStore) -> Collected:
    """Store every attached job of a results folder that is over, once.

    One that was taken for dead and has gone on is stored again, as a further attempt.
    """
    folder = None if store.local_folder is None else store.local_folder / FOLDER
    if folder is None or not folder.is_dir():
        return Collected()
    launches, notes = _launches(folder)
    stored: list[str] = []
    for members in _by_script(launches).values():
        sweep_id = _sweep_id(store, members)
        known = {run.run_id: run for run in store.runs(sweep_id)}
        new = [x for x in members if _is_new(x, known.get(x.folder.name))]
        if new:
            _store_sweep(store, sweep_id, members)
        for launch in new:
            try:
                _store_run(store, sweep_id, launch, members, known.get(launch.folder.name))
            except AlreadyStoredError:  # another reader was quicker
                continue
            stored.append(launch.folder.name)
    return Collected(run_ids=tuple(stored), notes=tuple(notes))


def _launches(folder: Path) -> tuple[list[Launch], list[str]]:
    """Return the launches that are over, oldest first, and what is to be said of the others."""
    found: list[Launch] = []
    notes: list[str] = []
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        try:
            launch = launch_of(path)
        except StoreError as err:
            notes.append(f"note: a job is left out. {err}")
            continue
        if launch is None or launch.facts.get("launched", FOLDER) != FOLDER:
            continue  # no step yet, or of a sweep that keeps its runs itself
        if is_running(launch):
            notes.append(f"note: {path.name} still trains; it counts when it has ended.")
        else:
            found.append(launch)
    return found, notes


def is_running(launch: Launch) -> bool:
    """Tell whether a rank still trains: its process is there, or it wrote something lately."""
    return any(rank.end is None and _is_alive(rank) for rank in launch.ranks)


def _is_alive(rank: RankFile) -> bool:
    if rank.facts.get("node") != node_name():
        return datetime.now(UTC).timestamp() - rank.changed_unix_s < SILENT_S
    try:
        os.kill(int(rank.facts["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _by_script(launches: Iterable[Launch]) -> dict[str, list[Launch]]:
    found: dict[str, list[Launch]] = {}
    for launch in launches:
        found.setdefault(_prefix(launch), []).append(launch)
    return found


def _sweep_id(store: ResultsStore, members: Sequence[Launch]) -> str:
    """Return the sweep of a script in this store: `attached-train-1a2b3c-20260102T030405`.

    Its first job's time tells it from the same script's in another store, to be compared with.
    """
    prefix = f"{_prefix(members[0])}-"
    known = [x.sweep_id for x in store.sweeps() if x.sweep_id.startswith(prefix)]
    return known[0] if known else f"{prefix}{members[0].began_at_utc:%Y%m%dT%H%M%S}"


def _prefix(launch: Launch) -> str:
    script = launch.facts.get("script") or {}
    where = script.get("path") or script_name(launch)
    name = re.sub(r"[^\w.-]", "-", script_name(launch).removesuffix(".py"))
    return f"attached-{name}-{hashlib.sha256(str(where).encode()).hexdigest()[:6]}"


def _is_new(launch: Launch, stored: RunRecord | None) -> bool:
    if stored is None:
        return True
    return stored.status == "interrupted" and launch.has_ended


def _store_sweep(store: ResultsStore, sweep_id: str, members: Sequence[Launch]) -> None:
    name = script_name(members[0])
    config = json.dumps({"workload": name})
    record = SweepRecord(
        sweep_id=sweep_id,
        created_at_utc=members[0].began_at_utc,
        config_json=config,
        config_sha256=hashlib.sha256(config.encode()).hexdigest(),
        command=command_of(members[0]),
        ray_bench_version=ray_bench.__version__,
        run_ids=(),
    )
    try:
        store.write_sweep(record)
    except AlreadyStoredError:  # by an earlier job of this script
        return


def command_of(launch: Launch) -> str:
    """Return how a job was started, as far as its ranks know."""
    script: Mapping[str, object] = launch.facts.get("script") or {}
    target = str(script.get("path") or f"-m {script.get('name', 'script')}")
    given = script.get("arguments")
    arguments = [str(x) for x in given] if isinstance(given, list) else []
    start = "python" if launch.world_size == 1 else f"torchrun, {launch.world_size} ranks:"
    return f"{start} -m ray_bench.attach {shlex.join([target, *arguments])}"


def _store_run(
    store: ResultsStore,
    sweep_id: str,
    launch: Launch,
    members: Sequence[Launch],
    before: RunRecord | None,
) -> None:
    of_size = [x for x in members if x.world_size == launch.world_size]
    data = attached_run(
        launch.folder,
        sweep_id=sweep_id,
        run_id=launch.folder.name,
        repeat=of_size.index(launch),
        order_index=members.index(launch),
        attempt=1 if before is None else before.attempt + 1,
    )
    store.write_run(data)
