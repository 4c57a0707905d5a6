"""Whole files in an object store, which may be away for a while."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, final

from pyarrow import fs

from ray_bench.store.files import FileInfo
from ray_bench.store.patience import Patience, is_passing
from ray_bench.store.threads import map_in_threads

S = TypeVar("S")
T = TypeVar("T")

#: An object store answers slowly, but to many at once.
_NUM_THREADS = 32


@final
class RemoteFiles:
    """A folder of an object store.

    Args:
        folder: bucket and folder.
        connect: makes the client; may ask the network, so it is called when it is first needed.
        patience: what every call goes through.
    """

    def __init__(
        self, folder: str, connect: Callable[[], fs.FileSystem], patience: Patience
    ) -> None:
        self.folder = folder
        self._connect = connect
        self._patience = patience
        self._client: fs.FileSystem | None = None

    def exists(self, name: str) -> bool:
        """Return whether there is a file or a folder of that name."""
        return self._call(
            lambda client: bool(client.get_file_info(self._full(name)).type != fs.FileType.NotFound)
        )

    def listing(self, folder: str, *, below: bool) -> list[FileInfo]:
        """Return the files in a folder, and below it: a request for every thousand."""
        selector = fs.FileSelector(self._full(folder), allow_not_found=True, recursive=below)
        found = self._call(lambda client: client.get_file_info(selector))
        start = len(self.folder.lstrip("/")) + 1
        return [
            FileInfo(info.path.lstrip("/")[start:], info.size, info.mtime_ns)
            for info in found
            if info.type == fs.FileType.File
        ]

    def stamps(self, folder: str, *, below: bool) -> dict[str, int] | None:
        """Return None: an object store has no folders that could tell."""
        del folder, below
        return None

    def read(self, name: str) -> bytes:
        """Return an object's bytes."""

        def call(client: fs.FileSystem) -> bytes:
            with client.open_input_stream(self._full(name)) as file:
                return bytes(file.read())

        return self._call(call)

    def write(self, name: str, data: bytes) -> None:
        """Write an object. Where an answer is lost it is written again, with the same bytes."""

        def call(client: fs.FileSystem) -> None:
            with client.open_output_stream(self._full(name)) as file:
                file.write(data)

        self._call(call)

    def create(self, name: str, data: bytes) -> None:
        """Write a new object.

        pyarrow cannot ask the store for "only if there is none": between looking and writing
        another program may come.
        """
        if self.exists(name):
            raise FileExistsError(f"{name} exists")
        self.write(name, data)

    def remove(self, name: str) -> None:
        """Remove an object."""
        self._call(lambda client: client.delete_file(self._full(name)))

    def each(self, call: Callable[[S], T], items: Sequence[S]) -> list[T]:
        """Many at once."""
        return map_in_threads(call, items, _NUM_THREADS)

    def _call(self, call: Callable[[fs.FileSystem], T]) -> T:
        def tried() -> T:
            client = self._client
            if client is None:
                client = self._client = self._connect()
            try:
                return call(client)
            except OSError as err:
                if is_passing(err):
                    self._client = None  # its connections may be dead; the next try gets new ones
                raise

        return self._patience.call(tried)

    def _full(self, name: str) -> str:
        return f"{self.folder}/{name}" if name else self.folder
