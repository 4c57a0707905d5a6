"""Tables in text: CSV with comma, semicolon or tab, columns apart by blanks, and Markdown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from ray_bench.errors import AnalysisError
from ray_bench.reading.sizes import size_of
from ray_bench.reading.table import MAX_ROWS, Numbered, Table, check_num_rows, table_of
from ray_bench.reading.text import not_what_it_says

#: In the order in which they are tried: where two fit, the rarer one in prose is the one meant.
_DELIMITERS = ("\t", ";", "|", ",")
_SAMPLE_LINES = 40
_COMMENT = "#"
_RULE = re.compile(r"^[\s|:+=-]*-{2,}[\s|:+=-]*$|^\s*\|(\s*:?-+:?\s*\|)+\s*$")

Line = tuple[int, list[str]]


def read_text_table(text: str, name: str) -> Table:
    """Return the table of a text; lines that begin with # are comments, unless it is the header.

    Raises:
        AnalysisError: It is empty, or its lines have different numbers of cells.
        CorruptDataError: It is no table.
    """
    sample = _sample(text)
    if not sample:
        raise AnalysisError(f"{name} is empty; it needs a header and a row a world size.")
    delimiter = _delimiter(sample)
    if delimiter is None:
        lines = list(_apart_by_blanks(text))
    elif delimiter == "|" and any(_RULE.match(x) for x in sample):
        lines = list(_markdown(text))
    else:
        lines = _csv(text, delimiter, name)
    return _table(lines, name, delimiter)


def _table(lines: list[Line], name: str, delimiter: str | None) -> Table:
    if not lines:
        raise AnalysisError(f"{name} is empty; it needs a header and a row a world size.")
    lines = _without_title(lines)
    # Files that were put together with `cat` have their header again and again.
    lines = [lines[0], *(x for x in lines[1:] if x[1] != lines[0][1])]
    header = [cell.strip() for cell in lines[0][1]]
    if _is_comment(header[0]):
        header[0] = header[0].removeprefix(_COMMENT).strip()
    while len(header) > 1 and not header[-1] and all(not x[-1:] or not x[-1] for _, x in lines):
        header.pop()
    width = len(header)
    rows = [cells if len(cells) == width else _cut(cells, width) for _, cells in lines[1:]]
    for cells, (number, _) in zip(rows, lines[1:], strict=True):
        if len(cells) != width:
            raise AnalysisError(
                f"{name}, line {number}: {len(cells)} cells under {width} columns; decimals "
                "need a point, and columns a comma, or columns a semicolon or a tab."
            )
    numbers = Numbered("line", (number for number, _ in lines[1:]))
    return table_of(name, header, rows, numbers, delimiter)


def _is_comment(cell: str) -> bool:
    return re.match(r"#\s+(?!of\b)\w", cell) is not None


def _without_title(lines: list[Line]) -> list[Line]:
    """Return the lines from the header on: a title above a table fills one cell alone."""
    widest = max(len(cells) for _, cells in lines[:_SAMPLE_LINES])
    first = 0
    while widest > 1 and first < len(lines) - 1 and _num_filled(lines[first]) < 2:
        first += 1
    return lines[first:]


def _num_filled(line: Line) -> int:
    return sum(1 for cell in line[1] if cell.strip())


def _cut(cells: list[str], width: int) -> list[str]:
    """Return a line without empty cells behind the last column, as spreadsheets leave them."""
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        return cells[:width]
    return cells


def _sample(text: str) -> list[str]:
    """Return the first lines that say something, a header behind a # among them."""
    start = text[:1_000_000].splitlines()
    return [x for x in start if x.strip() and not _skipped(x)][:_SAMPLE_LINES]


def _skipped(line: str) -> bool:
    """Whether a line is a comment. '# of GPU,...' is a header: it has as many cells as the rest."""
    return line.lstrip().startswith(_COMMENT) and not any(x in line for x in _DELIMITERS)


def _delimiter(sample: Sequence[str]) -> str | None:
    """Return what stands between columns: the same number of times in nearly all lines."""
    lines = [x for x in sample if not x.lstrip().startswith(_COMMENT)] or list(sample)
    for delimiter in _DELIMITERS:
        counts = [_num_cells(x, delimiter) for x in lines if not _RULE.match(x)]
        usual = max(set(counts), key=counts.count, default=1)
        if usual > 1 and counts.count(usual) >= 0.6 * len(counts):
            return delimiter
    return "," if any("," in x for x in lines) else None


def _num_cells(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return 1


def _csv(text: str, delimiter: str, name: str) -> list[Line]:
    seen: dict[str, str] = {}  # equal cells are one object: a million rows fit in memory
    found: list[Line] = []
    table = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    try:
        for line in table:
            if not any(line) or not any(map(str.strip, line)):
                continue
            if line[0].lstrip()[:1] == _COMMENT and _is_remark(line, found):
                continue
            found.append((table.line_num, [seen.setdefault(x, x) for x in line]))
            if len(found) > MAX_ROWS:
                check_num_rows(len(found), name)
    except csv.Error as err:
        raise not_what_it_says(name, "CSV", str(err)) from None
    return found


def _is_remark(line: list[str], before: list[Line]) -> bool:
    """Whether a line that begins with # is a comment: all of them are, save a header."""
    if before or (len(line) == 1 and _skipped(line[0])):
        return True
    return not re.match(r"\s*#\s*(of\b|gpus?\b|workers?\b|nodes?\b|\w+$)", line[0], re.I)


def _apart_by_blanks(text: str) -> Iterator[Line]:
    lines = [(i, x) for i, x in enumerate(text.splitlines(), 1) if x.strip() and not _RULE.match(x)]
    data = [(i, x) for i, x in lines if not _skipped(x)]
    heads = [(i, x) for i, x in lines if _skipped(x) and i < data[0][0]]
    for pattern in (r"\s{2,}", r"\s+"):
        cells = [re.split(pattern, x.strip()) for _, x in data]
        if len(cells[0]) > 1 and len({len(x) for x in cells[:_SAMPLE_LINES]}) == 1:
            break
    head = re.split(pattern, heads[-1][1].strip()) if heads else []
    if len(head) > 1 and len(head) == len(cells[0]) and size_of(cells[0][0]) is not None:
        yield heads[-1][0], head  # `#GPUs  img/s` above numbers is a header and no comment
    for (number, _), row in zip(data, cells, strict=True):
        yield number, row


def _markdown(text: str) -> Iterator[Line]:
    """Yield the lines of the first table: the one above its rule, and those below."""
    above: Line | None = None
    is_inside = False
    for number, line in enumerate(text.splitlines(), 1):
        row = line.strip()
        if is_inside and "|" not in row and not row.startswith("+"):
            return
        if _RULE.match(row):
            if not is_inside and above is not None:
                yield above
            is_inside = is_inside or above is not None
            continue
        cells = re.split(r"(?<!\\)\|", row.removeprefix("|").removesuffix("|"))
        above = (number, [_plain(cell) for cell in cells])
        if is_inside:
            yield above


def _plain(cell: str) -> str:
    """Return a cell without bold, code and escapes."""
    return re.sub(r"[*`]+|<[^>]*>|\\(?=\|)", "", cell).strip()
