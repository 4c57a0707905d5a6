"""The peak memory of a worker, where a table has a column: `peak_memory_bytes`, `Mem (GiB)`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ray_bench.reading.decimals import Mark
from ray_bench.reading.numbers import is_nothing, number_of
from ray_bench.reading.synonyms import words_of
from ray_bench.reading.table import Table

_MEMORY = {"memory", "mem", "vram"}
_OTHERS = {"util", "utilization", "busy", "bandwidth", "free", "total", "host", "system", "clock"}
_UNIT = re.compile(r"(?i)(?:^|[^a-z])(bytes?|[kmgt]i?b)(?=$|[^a-z])")
_BYTES = {"b": 1.0, "byte": 1.0, "bytes": 1.0}
for _power, _letter in enumerate("kmgt", start=1):
    _BYTES[f"{_letter}b"], _BYTES[f"{_letter}ib"] = 1000.0**_power, 1024.0**_power


def memory_column(table: Table) -> str | None:
    """Return the column of peak memory; None where there is none, or more than one may be it."""
    found = [x for x in table.columns if _is_memory(words_of(x))]
    return found[0] if len(found) == 1 else None


def _is_memory(words: Sequence[str]) -> bool:
    seen = set(words)
    return bool(seen & _MEMORY) and not seen & _OTHERS and "%" not in seen


def peak_memory(
    table: Table, column: str | None, rows: Sequence[int], size: Mapping[int, int], mark: Mark
) -> dict[int, tuple[float, ...]]:
    """Return bytes by world size; empty where some cell has no number, or nothing tells the unit.

    Args:
        table: With the column.
        column: Of peak memory; None: there is none.
        rows: That count; blank cells are left out.
        size: World size by row.
        mark: The decimal mark.
    """
    if column is None:
        return {}
    named = _UNIT.search(column)
    unit = None if named is None else _BYTES[named[1].lower()]
    found: dict[int, list[float]] = {}
    for row in rows:
        cell = table.columns[column][row]
        if is_nothing(cell):
            continue
        number = number_of(cell, mark)
        each = None if number is None else _BYTES.get(number.unit.lower(), unit)
        if number is None or each is None or not 0 < number.value < float("inf"):
            return {}
        found.setdefault(size[row], []).append(number.value * each)
    return {n: tuple(x) for n, x in sorted(found.items())}
