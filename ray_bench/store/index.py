"""An index over many small files, so that listing a thousand sweeps reads a few large ones.

It is a cache: segments that are only ever added, each the rows of many files together with these
files' names, sizes and times of change. A row counts while the listing of the files themselves
says the same of its file; whatever no segment tells is read from its own file. So a segment that
is missing, damaged, old or written by somebody else at the same time costs time and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, final

import pyarrow as pa

from ray_bench.errors import StoreError
from ray_bench.store.files import FileInfo
from ray_bench.store.location import Location, safe_name
from ray_bench.store.run_files import folder
from ray_bench.store.schema import SCHEMA_VERSION, SCHEMAS
from ray_bench.store.tables import checked_table, file_bytes, parsed

#: Of so many files that are in no segment one is made when a sweep begins, ...
_MIN_FILES: Mapping[str, int] = {"sweeps": 16, "runs": 64}
_FEW_FILES = 16  # of another table
#: ... of so many at most: it must not wait long for an old store.
_MAX_FILES_AT_START = 2_000
#: A reader, who has read the files anyway, makes one of this share already.
_READERS_SHARE = 8
#: More segments than that are joined.
_MAX_SEGMENTS = 32
_VERSION = f"1.{SCHEMA_VERSION}".encode()
_VERSION_KEY = b"ray_bench.index_version"

#: What the index knows of a table; None: everything.
_COLUMNS: Mapping[str, tuple[str, ...] | None] = {
    "sweeps": None,
    "runs": ("sweep_id", "run_id", "attempt", "status", "workload", "world_size"),
    "labels": None,
    "answers": None,
}
_FILE_COLUMNS = (
    pa.field("file_name", pa.string(), nullable=False),
    pa.field("file_size", pa.int64(), nullable=False),
    pa.field("file_modified_ns", pa.int64()),
)

Row = dict[str, Any]


@final
class Index:
    """The rows of all files of a table that has one row a file.

    Args:
        location: of the results.
        table: "sweeps", "runs", "labels" or "answers".
    """

    def __init__(self, location: Location, table: str) -> None:
        self._location = location
        self._table = table
        self._min_files = _MIN_FILES.get(table, _FEW_FILES)
        self._has_folders = table in ("runs", "labels")
        names = _COLUMNS[table]
        columns = [column for column in SCHEMAS[table] if names is None or column.name in names]
        self._columns = [column.name for column in columns]
        self._schema = pa.schema([*_FILE_COLUMNS, *columns], metadata={_VERSION_KEY: _VERSION})

    def rows(self) -> tuple[list[Row], list[StoreError]]:
        """Return the rows of all files, by name of file, and the errors of damaged ones."""
        files = self._files()
        found = self._found(files, self._segments() if files else {})
        outcomes = [found[info] for info in files if info in found]
        errors = [x for x in outcomes if isinstance(x, StoreError)]
        return [x for x in outcomes if not isinstance(x, StoreError)], errors

    def read(self, files: Sequence[FileInfo]) -> dict[FileInfo, Row | StoreError]:
        """Return the rows of some files, and the errors of damaged ones; none of one that is gone.

        Of few files the index itself is not read.
        """
        return self._found(files, self._segments() if len(files) >= self._min_files else {})

    def grow(self) -> bool:
        """Make a segment of files that are in none, if they are many; tells whether it was due."""
        files = self._files()
        if len(files) < self._min_files:
            return False
        segments = self._segments()
        known = self._known(segments, files)
        missing = [info for info in files if info not in known]
        if len(missing) < self._min_files:
            return False
        self._grow(segments, self._read(missing[:_MAX_FILES_AT_START]))
        return True

    def _found(
        self, files: Sequence[FileInfo], segments: Mapping[str, pa.Table]
    ) -> dict[FileInfo, Row | StoreError]:
        known = self._known(segments, files)
        read = self._read([info for info in files if info not in known])
        if len(read) * _READERS_SHARE >= self._min_files:
            self._grow(segments, read)
        return {**known, **{info: x for info, x in read if x is not None}}

    def _files(self) -> list[FileInfo]:
        return self._location.listing(self._table, below=self._has_folders)

    def _segments(self) -> dict[str, pa.Table]:
        """Return the usable segments by name; none where there is no index to be read."""
        try:
            names = self._location.names(f"index/{self._table}")
        except StoreError:
            return {}
        tables = self._location.each(self._segment, names)
        return {name: x for name, x in zip(names, tables, strict=True) if x is not None}

    def _segment(self, name: str) -> pa.Table | None:
        """Return a segment; None where it is gone, damaged, or of another version."""
        try:
            data = self._location.find(name)
            if data is None or name != self._name(data):
                return None
            table = checked_table(data)
            is_ours = (table.schema.metadata or {}).get(_VERSION_KEY) == _VERSION
            return table.cast(self._schema) if is_ours else None
        except (StoreError, pa.ArrowException, OSError, ValueError):
            return None

    def _known(
        self, segments: Mapping[str, pa.Table], files: Sequence[FileInfo]
    ) -> dict[FileInfo, Row]:
        wanted = set(files)
        known: dict[FileInfo, Row] = {}
        for table in segments.values():
            for row in table.to_pylist():
                info = FileInfo(*(row.pop(column.name) for column in _FILE_COLUMNS))
                if info in wanted:
                    known[info] = row
        return known

    def _read(self, files: Sequence[FileInfo]) -> list[tuple[FileInfo, Row | StoreError | None]]:
        return list(zip(files, self._location.each(self._row, files), strict=True))

    def _row(self, info: FileInfo) -> Row | StoreError | None:
        """Return a file's row; None if it is gone by now, and the error if it is damaged."""
        data = self._location.find(info.name)
        if data is None:
            return None
        path = self._location.path(info.name)
        try:
            table = parsed(self._table, data, path)
            if table.num_rows != 1:
                return StoreError(f"{path} has {table.num_rows} rows instead of one.")
            row: Row = table.select(self._columns).to_pylist()[0]
        except StoreError as err:
            return err
        except (ValueError, OverflowError) as err:  # a time that no calendar has
            return StoreError(f"{path} is damaged: {err}.")
        if not info.name.startswith(_own_name(self._table, row)):
            return StoreError(f"{path} is of another sweep, {row['sweep_id']!r}; move it there.")
        return row

    def _grow(
        self,
        segments: Mapping[str, pa.Table],
        read: Sequence[tuple[FileInfo, Row | StoreError | None]],
    ) -> None:
        rows = [
            {**dict(zip(self._schema.names, info, strict=False)), **row}
            for info, row in read
            if row is not None and not isinstance(row, StoreError)
        ]
        if not rows:
            return
        table = pa.Table.from_pylist(rows, schema=self._schema)
        replaced = list(segments) if len(segments) >= _MAX_SEGMENTS else []
        data = file_bytes(pa.concat_tables([table, *(segments[name] for name in replaced)]))
        try:
            self._location.write(self._name(data), data)
            self._location.each(self._location.remove, replaced)
        except StoreError:
            return  # results that may be read only are listed all the same

    def _name(self, data: bytes) -> str:
        """Return the name of a segment: what it holds, so that damage shows."""
        return f"index/{self._table}/{hashlib.sha256(data).hexdigest()[:32]}.parquet"


def _own_name(table: str, row: Row) -> str:
    """Return what the file of a row has to be called; for a run or a label, its folder."""
    if table in ("sweeps", "answers"):
        return f"{table}/{safe_name(row['sweep_id'])}.parquet"
    return folder(table, row["sweep_id"]) + "/"
