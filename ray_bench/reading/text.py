"""From the bytes of a file to text, whatever program wrote it."""

from __future__ import annotations

import codecs
from pathlib import Path

from ray_bench.errors import AnalysisError, CorruptDataError

#: More text than this is no table of runs, and needs several times as much memory.
MAX_BYTES = 200_000_000

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: The first bytes of files that are often given another name.
SIGNATURES = (
    (b"PAR1", "Parquet"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls)"),
    (b"%PDF", "PDF"),
    (b"\x89PNG", "a picture"),
)


def content_of(file: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file.

    Raises:
        AnalysisError: It is too large for a table of runs.
    """
    size = file.stat().st_size
    if size > max_bytes:
        raise AnalysisError(
            f"{file.name} has {size / 1e6:.0f} MB; a table of runs has at most "
            f"{max_bytes / 1e6:.0f} MB. Give the rows and columns of the curve alone."
        )
    return file.read_bytes()


def text_of(content: bytes, name: str, wanted: str) -> str:
    """Return the text of a file: UTF-8, or UTF-16 or 32 with a byte order mark, or Windows-1252.

    Args:
        content: Its bytes.
        name: Of the file.
        wanted: What it should be, for the message.

    Raises:
        CorruptDataError: It is not text.
    """
    for start, kind in SIGNATURES:
        if content.startswith(start):
            raise not_what_it_says(name, wanted, f"it is {kind}")
    encoding = next((x for mark, x in _MARKS if content.startswith(mark)), None)
    encoding = encoding or _without_mark(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = _windows(content, name, wanted)
    if "\0" in text:
        raise not_what_it_says(name, wanted, "it is not text")
    return text


def _without_mark(content: bytes) -> str:
    """Return UTF-16 where every second byte of the beginning is 0, else UTF-8."""
    head = content[:200]
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = head[first::2]
        if len(half) > 3 and half.count(0) > 0.9 * len(half):
            return name
    return "utf-8"


def _windows(content: bytes, name: str, wanted: str) -> str:
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        raise not_what_it_says(name, wanted, "it is not text in UTF-8") from None
    if any(ch < " " and ch not in "\t\r\n\f" for ch in text[:10_000]):
        raise not_what_it_says(name, wanted, "it is not text in UTF-8")
    return text


def not_what_it_says(name: str, wanted: str, why: str) -> CorruptDataError:
    """Return the error of a file that is something else."""
    return CorruptDataError(
        f"{name} is not {wanted}, as its name says: {why.rstrip('.')}. Rename or convert it."
    )
