"""The lines of a log of any size: bounded memory, whatever the file holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

#: No line that is understood is longer; the rest of a longer one is skipped.
MAX_LINE_BYTES = 8 * 1024
_CHUNK_BYTES = 1024 * 1024

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160)))
#: What launchers put before a line: torchrun `[rank0]:` and `[default0]:`, mpirun
#: `[1,0]<stdout>:`, srun `0: `.
_RANK = re.compile(
    r"\s*(?:\[(?:rank|default)(\d+)\]:\s?|\[\d+,(\d+)\]<std(?:out|err)>:\s?|(\d+): )"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, without colours and without what a launcher put before it."""

    number: int  # from 1
    text: str
    rank: int | None  # that the launcher named; None: none was named


def lines_of(file: Path) -> Iterator[Line]:
    """Yield the lines of a file; a line ends at a newline, or at a return as progress bars use."""
    for number, raw in enumerate(_raw_lines(file), start=1):
        text = raw.decode("utf-8", errors="replace")
        if "\x1b" in text:
            text = _ANSI.sub("", text)
        if "\r" in text:
            text = text.rstrip("\r").rpartition("\r")[2]
        yield _without_rank(number, text if text.isprintable() else text.translate(_CONTROL))


def _without_rank(number: int, text: str) -> Line:
    found = _RANK.match(text)
    if found is None:
        return Line(number, text, None)
    rank = next(int(x) for x in found.groups() if x is not None)
    return Line(number, text[found.end() :], rank)


def _raw_lines(file: Path) -> Iterator[bytes]:
    """Yield at most MAX_LINE_BYTES of every line."""
    held = b""
    for chunk in chunks(file):
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            yield (held + part)[:MAX_LINE_BYTES] if held else part[:MAX_LINE_BYTES]
            held = b""
        held = (held + rest)[:MAX_LINE_BYTES]
    if held:
        yield held


def holds(file: Path, words: Iterable[bytes]) -> set[bytes]:
    """Return which of some words are anywhere in a file; none may be longer than MAX_LINE_BYTES."""
    left, found, before = set(words), set[bytes](), b""
    for chunk in chunks(file):
        found |= {x for x in left if x in before + chunk}
        left -= found
        if not left:
            break
        before = chunk[-MAX_LINE_BYTES:]
    return found


def matches(file: Path, mark: re.Pattern[bytes]) -> bool:
    """Tell whether a pattern is anywhere in a file, in at most MAX_LINE_BYTES."""
    before = b""
    for chunk in chunks(file):
        if mark.search(before + chunk):
            return True
        before = chunk[-MAX_LINE_BYTES:]
    return False


def chunks(file: Path) -> Iterator[bytes]:
    """Yield a file in pieces of 1 MiB."""
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
