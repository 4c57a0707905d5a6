"""Whole files under one root, on a local disk or in an object store; a write is all or nothing."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from pathlib import Path
from typing import final

from pyarrow import ArrowException, fs

from ray_bench.errors import ConfigError, StoreError

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

    Names are relative to the root, with `/` between their parts.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = str(root)
        if not self.root.strip():
            raise ConfigError("The results location is empty; give a folder, s3://... or gs://...")
        scheme, _, rest = self.root.partition(":/")
        if scheme in ("s3", "gs", "file") and not rest.startswith("/"):
            raise ConfigError(
                f"The results location {self.root!r} lacks a slash; write {scheme}://..."
            )
        try:
            self._fs, self._base = _open(self.root)
        except (OSError, ArrowException, ImportError) as err:
            raise StoreError(f"Cannot open the results location {self.root}: {err}.") from err
        self.is_local = isinstance(self._fs, fs.LocalFileSystem)
        self.folder = self._base  # within the file system

    def path(self, name: str) -> str:
        """Return where a name is, for people."""
        return f"{self.root.rstrip('/')}/{name}" if name else self.root

    def exists(self, name: str = "") -> bool:
        """Return whether there is a file or a folder of that name."""
        try:
            return bool(self._fs.get_file_info(self._full(name)).type != fs.FileType.NotFound)
        except OSError as err:
            raise StoreError(f"Cannot look into {self.path(name)}: {err}.") from err

    def names(self, folder: str) -> list[str]:
        """Return the Parquet files right in a folder, sorted; none when there is no folder.

        Files that a killed writer left half-written do not end in `.parquet`.
        """
        selector = fs.FileSelector(self._full(folder), allow_not_found=True)
        try:
            found = self._fs.get_file_info(selector)
        except OSError as err:
            raise StoreError(f"Cannot list {self.path(folder)}: {err}.") from err
        names = [info.base_name for info in found if info.type == fs.FileType.File]
        return sorted(f"{folder}/{name}" for name in names if name.endswith(".parquet"))

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        try:
            with self._fs.open_input_file(self._full(name)) as file:
                return bytes(file.read())
        except OSError as err:
            raise StoreError(f"Cannot read {self.path(name)}: {err}.") from err

    def write(self, name: str, data: bytes) -> str:
        """Write a whole file or nothing of it; an older file of that name is replaced."""
        try:
            if self.is_local:
                _replace(Path(self._full(name)), data)
            else:
                with self._fs.open_output_stream(self._full(name)) as file:
                    file.write(data)
        except OSError as err:
            raise StoreError(
                f"Cannot write {self.path(name)}: {_reason(err)}. "
                "Choose another place, or free this one."
            ) from err
        return self.path(name)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            self._fs.delete_file(self._full(name))
        except FileNotFoundError:
            return
        except OSError as err:
            raise StoreError(f"Cannot remove {self.path(name)}: {_reason(err)}.") from err

    def _full(self, name: str) -> str:
        return f"{self._base}/{name}" if name else self._base


def _open(root: str) -> tuple[fs.FileSystem, str]:
    if "://" in root:
        filesystem, base = fs.FileSystem.from_uri(root)
        return filesystem, base.rstrip("/")
    return fs.LocalFileSystem(), str(Path(root).expanduser().absolute())


def _reason(err: OSError) -> str:
    """Return what is wrong, without the number, and with the path where it is another one."""
    if isinstance(err, FileExistsError | NotADirectoryError):
        return f"{err.filename or 'its folder'} is a file, or below a file"
    return (err.strerror or str(err)).rstrip(".")


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `.parquet` at the end: no reader may take a half-written file for a whole one.
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
