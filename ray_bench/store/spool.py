"""Runs that could not be stored, kept on this machine until they can."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import final

from ray_bench.errors import AlreadyStoredError
from ray_bench.store.files import LocalFiles
from ray_bench.store.location import safe_name
from ray_bench.store.run_files import RunFiles

_PLAN = "files.json"
_REFUSED = ".refused"
_UNFINISHED = ".tmp"


def state_folder() -> Path:
    """Return where programs keep state (XDG base directories), for this one."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "ray_bench"


@final
class Spool:
    """A folder for one results root, with a folder for every run that waits.

    Args:
        place: the results root, without a password.
    """

    def __init__(self, place: str) -> None:
        self._place = place

    @property
    def folder(self) -> Path:
        """Where runs wait."""
        return state_folder() / "spool" / safe_name(self._place)

    def keep(self, files: RunFiles, *, refused: bool = False) -> Path:
        """Keep a run, whole or not at all; returns its folder.

        Args:
            files: the same Parquet files as in the results.
            refused: the results hold another run in its place, so that it is never delivered.

        Raises:
            OSError: If it cannot be kept here either.
        """
        name = uuid.uuid4().hex
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self.folder / f"{name}{_UNFINISHED}"
        place = LocalFiles(str(unfinished))
        try:
            for file, data in _all(files).items():
                place.write(file, data)
            plan = {"place": self._place, "run": files.run[0], "absent": files.absent}
            place.write(_PLAN, json.dumps(plan).encode())
            return unfinished.rename(self.folder / f"{name}{_REFUSED if refused else ''}")
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise

    def deliver(self, store: Callable[[RunFiles], None]) -> tuple[int, list[str]]:
        """Store what waits; returns how many runs were stored, and why others never can be.

        Two programs may do it at once: the same run is stored once.

        Raises:
            StoreError: If the results cannot be written still; the rest goes on waiting.
        """
        num_delivered = 0
        refused: list[str] = []
        for path in self._waiting():
            try:
                store(_read(path))
            except FileNotFoundError:  # another program delivered it
                continue
            except (AlreadyStoredError, OSError, ValueError, KeyError, TypeError) as err:
                # What cannot be stored ever must not keep others waiting.
                aside = path.rename(path.with_name(path.name + _REFUSED))
                refused.append(f"A run is kept in {aside} and cannot be stored: {err}")
                continue
            shutil.rmtree(path, ignore_errors=True)
            num_delivered += 1
        return num_delivered, refused

    def _waiting(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if path.is_dir() and not path.suffix]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def _all(files: RunFiles) -> dict[str, bytes]:
    environment = dict([files.environment]) if files.environment else {}
    return {**files.tables, **environment, **dict([files.run])}


def _read(path: Path) -> RunFiles:
    plan = json.loads((path / _PLAN).read_bytes())
    found = {
        str(file.relative_to(path).as_posix()): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file() and file.name != _PLAN
    }
    run = plan["run"]
    environments = [name for name in found if name.startswith("environments/")]
    environment = next(((name, found.pop(name)) for name in environments), None)
    return RunFiles(
        run=(run, found.pop(run)),
        tables=found,
        absent=tuple(plan["absent"]),
        environment=environment,
    )
