"""Tables in Excel files: values alone, for no formula is ever computed here."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ray_bench.errors import AnalysisError, MissingExtraError
from ray_bench.reading.table import (
    MAX_COLUMNS,
    MAX_ROWS,
    Numbered,
    Table,
    listed,
    printable,
    table_of,
)
from ray_bench.reading.text import not_what_it_says

#: All parts of the file together, unpacked; a small archive may hold terabytes of zeros.
_MAX_UNPACKED_BYTES = 200_000_000
_MAX_PARTS = 2_000


def read_excel_table(file: Path, sheet: str | None = None) -> Table:
    """Return the table of a sheet.

    Args:
        file: An .xlsx file.
        sheet: Its name. None takes the only one that holds a table.

    Raises:
        MissingExtraError: openpyxl is not installed.
        CorruptDataError: It is not an Excel file, or unpacks to too much.
        AnalysisError: No sheet or several may be meant, or a formula has no value.
    """
    _check_archive(file)
    found = dict(_sheets(file, is_value=True))
    if sheet is not None and sheet not in found:
        raise AnalysisError(f"{file.name} has no sheet {sheet!r}; its sheets: {listed([*found])}.")
    filled = {k: v for k, v in found.items() if len(v) > 1 and sheet in (None, k)}
    if not filled:
        raise AnalysisError(f"{file.name} has no table: a header and a row a world size.")
    if len(filled) > 1:
        raise AnalysisError(
            f"{file.name} has several sheets with tables: {listed([*filled])}. Choose one with "
            "--sheet NAME."
        )
    ((name, lines),) = filled.items()
    _refuse_empty_formulas(file, name, lines)
    return _table(file.name, name, lines)


def _check_archive(file: Path) -> None:
    """Refuse an archive that unpacks to more than a table of runs has; its directory tells."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (OSError, zipfile.BadZipFile) as err:
        raise not_what_it_says(file.name, "Excel (.xlsx)", str(err)) from None
    size = sum(x.file_size for x in parts)
    if size > _MAX_UNPACKED_BYTES or len(parts) > _MAX_PARTS:
        raise AnalysisError(
            f"{file.name} unpacks to {size / 1e6:.0f} MB in {len(parts)} parts; a table of runs "
            f"has at most {_MAX_UNPACKED_BYTES / 1e6:.0f} MB. Save the sheet alone, as CSV."
        )


def _sheets(file: Path, *, is_value: bool) -> Iterator[tuple[str, dict[int, list[Any]]]]:
    """Yield the lines that are not empty of every sheet by number, values or formulas."""
    try:
        import openpyxl
    except ImportError:
        raise MissingExtraError(
            "Reading .xlsx needs openpyxl: pip install 'ray-bench[excel]'. Or save the sheet as "
            "CSV."
        ) from None
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=is_value)
    except (KeyError, ValueError, OSError, SyntaxError, zipfile.BadZipFile) as err:
        raise not_what_it_says(file.name, "Excel (.xlsx)", str(err)) from None
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # those in the file may be anything
            yield sheet.title, _lines(sheet, file.name)
    finally:
        book.close()


def _lines(sheet: Any, name: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if number > MAX_ROWS or len(cells) > MAX_COLUMNS:
            raise AnalysisError(
                f"{name}, sheet {sheet.title!r} has more than {MAX_COLUMNS} columns or {MAX_ROWS} "
                "rows; a table of runs is smaller. Is it the right file?"
            )
        if any(x is not None for x in cells):
            found[number] = list(cells)
    return found


def _refuse_empty_formulas(file: Path, sheet: str, lines: dict[int, list[Any]]) -> None:
    """Refuse a formula of which the file has no value: a program wrote it that computes none."""
    if all(x is not None for line in lines.values() for x in line):
        return
    formulas = dict(_sheets(file, is_value=False))[sheet]
    for number, cells in formulas.items():
        for index, cell in enumerate(cells):
            values = lines.get(number, [])
            is_known = index < len(values) and values[index] is not None
            if isinstance(cell, str) and cell.startswith("=") and not is_known:
                raise AnalysisError(
                    f"{file.name}, sheet {sheet!r}, cell {_letters(index)}{number} is a formula "
                    "without a value. Open the file in a spreadsheet and save it, or type the "
                    "number."
                )


def _letters(index: int) -> str:
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _table(name: str, sheet: str, lines: dict[int, list[Any]]) -> Table:
    """Return the table under the first line with two texts or more; above it are titles."""
    numbers = list(lines)
    start = next((i for i, n in enumerate(numbers) if _is_header(lines[n])), 0)
    used = sorted({i for n in numbers[start:] for i, x in enumerate(lines[n]) if x is not None})
    rows = [[_at(lines[n], i) for i in used] for n in numbers[start:]]
    names = Numbered(f"sheet {printable(sheet)}, row", numbers[start + 1 :])
    return table_of(name, rows[0], rows[1:], names)


def _is_header(cells: Sequence[Any]) -> bool:
    filled = [x for x in cells if x is not None]
    return len(filled) > 1 and isinstance(filled[0], str)


def _at(cells: Sequence[Any], index: int) -> Any:
    return cells[index] if index < len(cells) else None
