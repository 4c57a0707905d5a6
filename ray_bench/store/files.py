"""Whole files below a root: what a place to keep them can do, and a local disk."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, final

S = TypeVar("S")
T = TypeVar("T")


class FileInfo(NamedTuple):
    """A file as a listing tells it."""

    name: str  # relative to the root
    size: int  # bytes
    modified_ns: int | None  # since 1970; None where the place does not tell


class Files(Protocol):
    """Files by name, relative to a root, with `/` between parts. Errors are OSError."""

    folder: str  # the root, as the file system names it

    def exists(self, name: str) -> bool:
        """Return whether there is a file or a folder of that name."""
        ...

    def listing(self, folder: str, *, below: bool) -> list[FileInfo]:
        """Return the files in a folder, or with `below` those one folder below it as well."""
        ...

    def stamps(self, folder: str, *, below: bool) -> dict[str, int] | None:
        """Return when files last came to a folder or left it, in ns since 1970.

        With `below` of every folder right in it instead. None where the place does not tell, and
        only a listing shows what is new.
        """
        ...

    def read(self, name: str) -> bytes:
        """Return a file's bytes; FileNotFoundError if there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all, in place of an older one."""
        ...

    def create(self, name: str, data: bytes) -> None:
        """Write a new file whole or not at all; FileExistsError if there is one."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; FileNotFoundError if there is none."""
        ...

    def each(self, call: Callable[[S], T], items: Sequence[S]) -> list[T]:
        """Return what a call returns for every item, many at once where that is quicker."""
        ...


@final
class LocalFiles:
    """A folder of this machine."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def exists(self, name: str) -> bool:
        """Return whether there is a file or a folder of that name."""
        return self._path(name).exists()

    def listing(self, folder: str, *, below: bool) -> list[FileInfo]:
        """Return the files in a folder, and one below it.

        Links to folders are not followed: they may lead anywhere, and in circles.
        """
        found: list[FileInfo] = []
        for entry in _entries(self._path(folder)):
            name = f"{folder}/{entry.name}"
            if below and entry.is_dir(follow_symlinks=False):
                found += self.listing(name, below=False)
            elif entry.is_file():
                found += _info(name, entry)
        return found

    def stamps(self, folder: str, *, below: bool) -> dict[str, int] | None:
        """Return when files last came to a folder or left it, or to those right in it."""
        if below:
            folders = [x for x in _entries(self._path(folder)) if x.is_dir(follow_symlinks=False)]
            return {f"{folder}/{x.name}": stamp for x in folders for stamp in _stamp(x)}
        try:
            return {folder: self._path(folder).stat().st_mtime_ns}
        except FileNotFoundError:
            return {}

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return self._path(name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all."""
        with _temporary(self._path(name), data) as temporary:
            temporary.replace(self._path(name))

    def create(self, name: str, data: bytes) -> None:
        """Write a new file whole or not at all; of two at once one gets FileExistsError."""
        path = self._path(name)
        with _temporary(path, data) as temporary:
            try:
                path.hardlink_to(temporary)
            except OSError as err:
                if err.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                    raise
                # A disk without hard links: between looking and renaming another may come.
                if path.exists():
                    raise FileExistsError(errno.EEXIST, "exists", str(path)) from err
                temporary.replace(path)

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._path(name).unlink()

    def each(self, call: Callable[[S], T], items: Sequence[S]) -> list[T]:
        """One after the other: on a disk threads only stand in line."""
        return [call(item) for item in items]

    def _path(self, name: str) -> Path:
        return Path(f"{self.folder}/{name}" if name else self.folder)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _info(name: str, entry: os.DirEntry[str]) -> Iterable[FileInfo]:
    try:
        stat = entry.stat()
    except FileNotFoundError:  # removed since it was listed
        return ()
    return (FileInfo(name, stat.st_size, stat.st_mtime_ns),)


def _stamp(folder: os.DirEntry[str]) -> Iterable[int]:
    try:
        return (folder.stat(follow_symlinks=False).st_mtime_ns,)
    except FileNotFoundError:
        return ()


@contextlib.contextmanager
def _temporary(path: Path, data: bytes) -> Iterator[Path]:
    """Give a file beside the path, written whole and on disk; it is gone afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `.parquet` at the end: no reader may take a half-written file for a whole one.
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
