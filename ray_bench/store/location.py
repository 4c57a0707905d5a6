"""Whole files under one root, on a local disk or in an object store; a write is all or nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, final

from pyarrow import ArrowException

from ray_bench.errors import AlreadyStoredError, StoreError
from ray_bench.store.address import address_of
from ray_bench.store.files import FileInfo, Files, LocalFiles
from ray_bench.store.patience import Patience, Say
from ray_bench.store.remote_files import RemoteFiles

S = TypeVar("S")
T = TypeVar("T")

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST = 150


def safe_name(text: str) -> str:
    """Return a file name for any text: itself where it is harmless, else cleaned, with a hash."""
    cleaned = _UNSAFE.sub("_", text)[:_LONGEST]
    if cleaned == text and text and not text.startswith((".", "_")):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"x{cleaned}-{digest}"


@final
class Location:
    """A root folder, given as a path or as a URI such as `s3://bucket/folder`.

    Names are relative to the root, with `/` between their parts. An object store that is away is
    waited for (`patience`).

    Args:
        root: path or URI; need not exist.
        say: told when an object store is waited for; None writes to stderr.
    """

    def __init__(self, root: str | Path, *, say: Say | None = None) -> None:
        try:
            address = address_of(str(root))
        except (OSError, ArrowException, ImportError) as err:
            raise StoreError(f"Cannot open the results location {root}: {err}.") from err
        self.root = address.root
        self.is_local = address.connect is None
        self.folder = address.folder  # within the file system
        self._files: Files = LocalFiles(address.folder)
        if address.connect is not None:
            patience = Patience(f"results in {self.path('')}", say=say)
            self._files = RemoteFiles(address.folder, address.connect, patience)

    @property
    def key(self) -> str:
        """The place itself, however it was written: an absolute path, or its URI."""
        return self.folder if self.is_local else self.path("")

    def path(self, name: str) -> str:
        """Return where a name is, for people."""
        # How to get there is no part of the place.
        root = self.root if self.is_local else self.root.partition("?")[0]
        return f"{root.rstrip('/')}/{name}" if name else root

    def exists(self, name: str = "") -> bool:
        """Return whether there is a file or a folder of that name."""
        try:
            return self._files.exists(name)
        except OSError as err:
            raise StoreError(f"Cannot look into {self.path(name)}: {_reason(err)}.") from err

    def stamps(self, folder: str, *, below: bool = False) -> dict[str, int] | None:
        """Return when files last came to a folder or left it, in ns since 1970, by its name.

        Args:
            folder: its name.
            below: of every folder right in this one instead.

        Returns:
            None where the place does not tell.
        """
        try:
            return self._files.stamps(folder, below=below)
        except OSError as err:
            raise StoreError(f"Cannot look into {self.path(folder)}: {_reason(err)}.") from err

    def listing(
        self, folder: str, *, below: bool = False, suffix: str = ".parquet"
    ) -> list[FileInfo]:
        """Return the Parquet files right in a folder, by name; none when there is no folder.

        Files that a killed writer left half-written do not end in `.parquet`. Names that cannot be
        printed are not ours, and could do harm to a terminal.

        Args:
            folder: its name.
            below: those in folders of this one as well.
            suffix: of the files' names.
        """
        try:
            found = self._files.listing(folder, below=below)
        except OSError as err:
            raise StoreError(f"Cannot list {self.path(folder)}: {_reason(err)}.") from err
        return sorted(x for x in found if x.name.endswith(suffix) and x.name.isprintable())

    def names(self, folder: str) -> list[str]:
        """Return the names of the Parquet files right in a folder, sorted."""
        return [info.name for info in self.listing(folder)]

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        found = self.find(name)
        if found is None:
            raise StoreError(f"Cannot read {self.path(name)}: there is no such file.")
        return found

    def find(self, name: str) -> bytes | None:
        """Return a file's bytes; None if there is no such file."""
        try:
            return self._files.read(name)
        except FileNotFoundError:
            return None
        except OSError as err:
            raise StoreError(f"Cannot read {self.path(name)}: {_reason(err)}.") from err

    def write(self, name: str, data: bytes) -> str:
        """Write a whole file or nothing of it; an older file of that name is replaced."""
        try:
            self._files.write(name, data)
        except OSError as err:
            raise self._cannot_write(name, err) from err
        return self.path(name)

    def write_once(self, name: str, data: bytes) -> str:
        """Write a whole file that is never replaced. The same bytes may be written again.

        Raises:
            AlreadyStoredError: If there is other content under this name.
        """
        try:
            self._files.create(name, data)
        except FileExistsError as err:
            if self.find(name) != data:
                raise AlreadyStoredError(
                    f"{self.path(name)} is stored already, with other content, and stays as it is."
                ) from err
        except OSError as err:
            raise self._cannot_write(name, err) from err
        return self.path(name)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            self._files.remove(name)
        except FileNotFoundError:
            return
        except OSError as err:
            raise StoreError(f"Cannot remove {self.path(name)}: {_reason(err)}.") from err

    def each(self, call: Callable[[S], T], items: Sequence[S]) -> list[T]:
        """Return what a call returns for every item, in their order; many at once if remote."""
        return self._files.each(call, items)

    def _cannot_write(self, name: str, err: OSError) -> StoreError:
        return StoreError(
            f"Cannot write {self.path(name)}: {_reason(err)}. "
            "Choose another place, or free this one."
        )


def _reason(err: OSError) -> str:
    """Return what is wrong, without the number, and with the path where it is another one."""
    if isinstance(err, FileExistsError | NotADirectoryError):
        return f"{err.filename or 'its folder'} is a file, or below a file"
    return (err.strerror or str(err)).rstrip(".")
