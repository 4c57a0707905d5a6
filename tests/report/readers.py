"""Reads reports back: tables and sentences of each format, so that they can be held equal."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from html.parser import HTMLParser

from ray_bench.report.cells import Cell, Table
from ray_bench.report.format import clean
from ray_bench.report.model import Report
from ray_bench.report.terminal import split_columns
from tests.report.reports import terminal

#: Wide enough for a table to be in one piece, and a sentence on one line.
WIDE = 1200
_GAP = 2

#: What a suffix stands for, in the unit of the model; written down again, not taken from `format`.
SUFFIXES = {
    "": 1.0,
    "x": 1.0,
    " %": 0.01,
    " pp": 0.01,
    " us": 1e-6,
    " ms": 1e-3,
    " s": 1.0,
    " min": 60.0,
    " h": 3600.0,
    " B": 1.0,
    " KiB": 2.0**10,
    " MiB": 2.0**20,
    " GiB": 2.0**30,
    " kB/s": 1e-6,
    " MB/s": 1e-3,
    " GB/s": 1.0,
    " ns/B": 1e-9,
    " MFLOP": 1e6,
    " GFLOP": 1e9,
    " TFLOP/s": 1e12,
    " MHz": 1.0,
    " C": 1.0,
    " J": 1.0,
    " kJ": 1e3,
    " USD": 1.0,
    " EUR": 1.0,
}
#: The head of numbers crossed with world sizes: `| Workers | 1 | **2, chosen** |`.
_CROSSED = re.compile(r"\| Workers \| \**\d")
_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_SHOWN = re.compile(
    rf"(?P<value>{_NUMBER})(?P<suffix>[^()\d]*?)"
    rf"(?: \((?P<low>{_NUMBER}) to (?P<high>{_NUMBER})\))?"
)


@dataclass
class Read:
    """A table as it was read from a page: its title, and the text of its cells."""

    title: str
    heads: list[str]
    rows: list[list[str]] = field(default_factory=list)


def drawn_tables(report: Report) -> list[Table]:
    """The tables that a page shows with rows."""
    found = (table.drawn for section in report.sections for table in section.tables)
    return [table for table in found if table.rows]


def agrees(text: str, cell: Cell) -> bool:
    """Whether a cell's text says what the model has, to the last digit that is shown."""
    if cell.value is None:
        return text == "-"
    if isinstance(cell.value, str):
        return text == clean(cell.value)
    found = _SHOWN.fullmatch(text)
    if found is None or found["suffix"] not in SUFFIXES:
        return False
    factor = SUFFIXES[found["suffix"]]
    pairs = zip(("value", "low", "high"), (cell.value, cell.low, cell.high), strict=True)
    return all(_close(found[name], factor, value, found["value"]) for name, value in pairs)


def _close(text: str | None, factor: float, value: float | None, shown: str) -> bool:
    if text is None or value is None:
        return text is None and value is None
    # A bound that is 0 does not show its last digit; it has that of its value.
    number, _, power = (shown if text == "0" else text).partition("e")
    whole, _, behind = number.partition(".")
    # Whole tens or hundreds are all that a wide interval leaves: `9000 (7000 to 14000)`.
    zeros = 0 if behind else len(whole) - len(whole.rstrip("0"))
    last_digit = 10.0 ** (int(power or 0) - len(behind) + zeros) * factor
    return abs(float(text) * factor - value) <= 0.51 * last_digit + 1e-9 * abs(value)


def from_markdown(text: str) -> list[Read]:
    """The tables of a Markdown page; numbers crossed with world sizes have no title."""
    found: list[Read] = []
    lines = iter(text.splitlines())
    title = ""
    for line in lines:
        if line.startswith("### "):
            title = _unescaped(line.removeprefix("### "))
        elif line.startswith("| "):
            read = Read(title, _cells(line))
            next(lines)
            for row in lines:
                if not row.startswith("| "):
                    break
                read.rows.append(_cells(row))
            if not _CROSSED.match(line):
                found.append(read)
    return found


def _cells(line: str) -> list[str]:
    parts = re.split(r"(?<!\\)\|", line)[1:-1]
    return [_unescaped(part.strip()) for part in parts]


def _unescaped(text: str) -> str:
    return html.unescape(re.sub(r"\\([\\`*\[\]|~$_#+-])", r"\1", text))


def from_terminal(report: Report) -> list[Read]:
    """The tables of a terminal page, cut at the places where their columns are."""
    lines = terminal(report, WIDE).splitlines()
    found, at = [], 0
    for table in drawn_tables(report):
        at = lines.index(clean(table.title), at) + 1
        (widths,) = split_columns(table, WIDE)
        read = Read(clean(table.title), [""] * len(widths))
        titles = [clean(column.title) for column in table.columns]
        while read.heads != titles:
            parts = _cut(lines[at], widths)
            read.heads = [f"{a} {b}".strip() for a, b in zip(read.heads, parts, strict=True)]
            at += 1
        for row in table.rows:
            height = 2 if any(cell.low is not None for cell in row) else 1
            pieces = [_cut(line, widths) for line in lines[at : at + height]]
            read.rows.append([_joined(*parts) for parts in zip(*pieces, strict=True)])
            at += height
        found.append(read)
    return found


def _cut(line: str, widths: dict[int, int]) -> list[str]:
    parts, start = [], 0
    for width in widths.values():
        parts.append(line[start : start + width].strip())
        start += width + _GAP
    return parts


def _joined(value: str, interval: str = "") -> str:
    return f"{value} ({interval})" if interval else value


def from_json(text: str) -> dict[tuple[str, int, str], dict]:
    """Every cell of a JSON report by table, row (from 1) and column."""
    return {
        (table["key"], number, column): cell
        for section in json.loads(text)["sections"]
        for table in section["tables"]
        for number, row in enumerate(table["rows"], start=1)
        for column, cell in row.items()
    }


def from_csv(text: str) -> dict[str, list[dict[str, str]]]:
    """The lines of a CSV report by what they are."""
    found = defaultdict(list)
    for line in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        found[line["what"]].append(line)
    return found


class _Tables(HTMLParser):
    """Collects captions, heads and cells of the tables of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Read] = []
        self._text: list[str] | None = None
        self._is_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.found.append(Read("", []))
        elif tag == "thead":
            self._is_head = True
        elif tag == "tr" and not self._is_head:
            self.found[-1].rows.append([])
        elif tag in ("th", "td", "caption"):
            self._text = []

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "thead":
            self._is_head = False
        elif tag in ("th", "td", "caption") and self._text is not None:
            text, self._text = " ".join("".join(self._text).split()), None
            if tag == "caption":
                self.found[-1].title = text
            else:
                (self.found[-1].heads if self._is_head else self.found[-1].rows[-1]).append(text)


def from_html(text: str) -> list[Read]:
    """The tables of an HTML page."""
    parser = _Tables()
    parser.feed(text)
    return parser.found


class _Words(HTMLParser):
    """Collects the text of a page, that of its scripts and styles left out."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._depth += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.words.append(data)


def text_of_html(text: str) -> str:
    """The words of an HTML page."""
    parser = _Words()
    parser.feed(text)
    return "".join(parser.words)
