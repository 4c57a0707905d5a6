"""A report on its way from a job to whoever submitted it, in the job's log.

Of a cluster whose disks are out of reach, the log is all that Ray's job server shows.
`python -m ray_bench.cli.parcel run ...` is `ray-bench run ...` that packs the report at its end.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence

from ray_bench.errors import RayBenchError, StoreError

NAMES = ("report.html", "report.json")
_MARK = "ray-bench-parcel"
_LINE = 900  # characters; Ray's log server cuts lines of 20,000
_END = "end"


def pack(name: str, content: bytes) -> Iterator[str]:
    """Yield the lines that carry a file."""
    text = base64.b64encode(gzip.compress(content, mtime=0)).decode("ascii")
    for start in range(0, len(text), _LINE):
        yield f"{_MARK} {name} {text[start : start + _LINE]}"
    yield f"{_MARK} {name} {_END} {hashlib.sha256(content).hexdigest()}"


class Unpacker:
    """Lets a log through, and keeps the files in it."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rest = ""
        self._parts: dict[str, list[str]] = {}
        self.files: dict[str, bytes] = {}

    def __call__(self, text: str) -> None:
        """Take a piece of the log; it may end within a line."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._take(line)

    def close(self) -> None:
        """Write what is left.

        Raises:
            StoreError: If a file did not come whole.
        """
        self._write(self._rest)
        self._rest = ""
        if self._parts:
            raise StoreError(f"The report came in part only: {', '.join(self._parts)}.")

    def _take(self, line: str) -> None:
        mark, _, rest = line.partition(" ")
        name, _, value = rest.partition(" ")
        if mark != _MARK or name not in NAMES:  # a name from a log is not trusted
            self._write(f"{line}\n")
        elif value.startswith(f"{_END} "):
            self._finish(name, value.removeprefix(f"{_END} ").strip())
        else:
            self._parts.setdefault(name, []).append(value.strip())

    def _finish(self, name: str, digest: str) -> None:
        try:
            content = gzip.decompress(base64.b64decode("".join(self._parts.pop(name, ()))))
        except (ValueError, OSError, EOFError) as err:
            raise StoreError(f"{name} came damaged from the job: {err}.") from err
        if hashlib.sha256(content).hexdigest() != digest:
            raise StoreError(f"{name} came damaged from the job; read it where the results are.")
        self.files[name] = content


def run_and_pack(arguments: Sequence[str]) -> None:
    """Do as `ray-bench` does with these arguments; then write the report that it left as lines.

    Ends with SystemExit, as that does.
    """
    from ray_bench.cli.entry import main

    before = _reports(arguments)
    try:
        main(arguments)
    except SystemExit as end:
        for name, content in _reports(arguments).items():
            # What lay there before, and was not written again, is about another sweep.
            if not end.code or content != before.get(name):
                sys.stdout.writelines(f"{line}\n" for line in pack(name, content))
        sys.stdout.flush()
        raise


def _reports(arguments: Sequence[str]) -> dict[str, bytes]:
    """Return the report's files where results go; none where they cannot be read."""
    try:
        from ray_bench.store.location import Location

        place = Location(arguments[arguments.index("--results") + 1])
        return {name: place.read(name) for name in NAMES if place.exists(name)}
    except (RayBenchError, ModuleNotFoundError):  # the program itself says it
        return {}


if __name__ == "__main__":
    run_and_pack(sys.argv[1:])
