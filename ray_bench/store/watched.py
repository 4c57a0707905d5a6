"""The files of a table as they stand, kept in memory and brought up to date by what changed."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from ray_bench.errors import StoreError
from ray_bench.store.files import FileInfo
from ray_bench.store.location import Location

Row = dict[str, Any]
#: What a file holds, or why it cannot be read.
Held = Row | StoreError
#: Reads files; those that are gone by now are left out.
Read = Callable[[Sequence[FileInfo]], Mapping[FileInfo, Held]]

#: Clocks of disks are coarse: what changed a folder so shortly ago may happen again unseen.
_COARSE_NS = 2_000_000_000
_NOTHING: Mapping[FileInfo, Held] = {}


@final
class Watched:
    """The files of one table by sweep, a sweep being named as its files are (`safe_name`).

    A look asks a disk for the times of change of folders, and lists only those that changed; an
    object store is listed. A file that could not be read is looked at again every time. Only one
    thread may look at a time; what is found may be read by others meanwhile.

    Args:
        location: Of the results.
        table: E.g. "runs".
        read: Called with files that are new or have changed; None: their content is no matter.
        below: Each sweep has a folder of its own; else a file.
        suffix: Of the files' names.
    """

    def __init__(
        self,
        location: Location,
        table: str,
        read: Read | None = None,
        *,
        below: bool = False,
        suffix: str = ".parquet",
    ) -> None:
        self._location = location
        self._table = table
        self._read = read or _unread
        self._below = below
        self._suffix = suffix
        self._stamps: dict[str, int] = {}
        self._by_sweep: dict[str, Mapping[FileInfo, Held]] = {}
        self._faulty: set[str] = set()

    def look(self, *, whole: bool) -> set[str]:
        """Return the sweeps whose files came, changed or went since the last look.

        Args:
            whole: List folders too that seem to be as they were.

        Raises:
            StoreError: If the place cannot be listed; then everything stays as it was.
        """
        stamps = self._location.stamps(self._table, below=self._below)
        now_ns = time.time_ns()
        listed, kept = self._listed(stamps, whole=whole)
        changed = {x for x in listed if self.of(x).keys() != set(listed[x])}
        unseen = [info for x in changed for info in listed[x] if info not in self.of(x)]
        read = self._read(unseen) if unseen else {}
        for sweep in changed:
            before = self.of(sweep)
            found = ((info, before.get(info, read.get(info))) for info in listed[sweep])
            self._by_sweep[sweep] = {info: _small(x) for info, x in found if x is not None}
        gone = self._by_sweep.keys() - listed.keys() - kept
        for sweep in gone:
            del self._by_sweep[sweep]
        self._faulty = {x for x in self._faulty | changed if self.errors(x)}
        self._stamps = self._settled(stamps or {}, now_ns)
        return changed | gone

    def of(self, sweep: str) -> Mapping[FileInfo, Held]:
        """Return the files of a sweep with what they hold, by name."""
        return self._by_sweep.get(sweep, _NOTHING)

    def rows(self, sweep: str) -> list[Row]:
        """Return what the readable files of a sweep hold."""
        return [x for x in self.of(sweep).values() if not isinstance(x, StoreError)]

    def errors(self, sweep: str) -> list[StoreError]:
        """Return why the others cannot be read."""
        return [x for x in self.of(sweep).values() if isinstance(x, StoreError)]

    def sweeps(self) -> list[str]:
        """Return all sweeps that have a file."""
        return list(self._by_sweep)

    def _listed(
        self, stamps: Mapping[str, int] | None, *, whole: bool
    ) -> tuple[Mapping[str, Sequence[FileInfo]], set[str]]:
        """Return the files of sweeps by sweep, and the sweeps that need no listing."""
        if stamps is None:
            every = self._location.listing(self._table, below=self._below, suffix=self._suffix)
            return self._by_name(every), set()
        same = {x for x, stamp in stamps.items() if not whole and self._stamps.get(x) == stamp}
        infos = [
            info
            for folder in stamps.keys() - same
            for info in self._location.listing(folder, suffix=self._suffix)
        ]
        if self._below:
            return self._by_name(infos), {self._sweep(f"{folder}/") for folder in same}
        return self._by_name(infos), set(self._by_sweep) if same else set()

    def _by_name(self, infos: Sequence[FileInfo]) -> Mapping[str, Sequence[FileInfo]]:
        found: dict[str, list[FileInfo]] = defaultdict(list)
        for info in infos:
            found[self._sweep(info.name)].append(info)
        return found

    def _sweep(self, name: str) -> str:
        """Return the sweep of a file, by its folder `runs/sweep=...`, or its own name."""
        if self._below:
            return name.split("/")[1].removeprefix("sweep=")
        return name.rpartition("/")[2].removesuffix(self._suffix)

    def _settled(self, stamps: Mapping[str, int], now_ns: int) -> dict[str, int]:
        """Return the times of change of those folders that need no look until theirs changes."""
        return {
            folder: stamp
            for folder, stamp in stamps.items()
            if stamp < now_ns - _COARSE_NS and not self._is_faulty(folder)
        }

    def _is_faulty(self, folder: str) -> bool:
        return self._sweep(f"{folder}/") in self._faulty if self._below else bool(self._faulty)


def _unread(infos: Sequence[FileInfo]) -> Mapping[FileInfo, Held]:
    return {info: {} for info in infos}


def _small(held: Held) -> Held:
    """Return a row whose texts are kept once, however many rows have them."""
    if isinstance(held, StoreError):
        return held
    return {name: sys.intern(x) if type(x) is str else x for name, x in held.items()}
