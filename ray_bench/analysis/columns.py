"""Long tables as columns: rows of one run, and text as integer codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ray_bench.records import Columns


def codes_of(values: Iterable[object]) -> tuple[np.ndarray, list[object]]:
    """Return an integer code for every value, and the distinct values in order of appearance.

    One pass with a dictionary: sorting text, as numpy.unique does, is many times slower.
    """
    index: dict[object, int] = {}
    codes = np.fromiter((index.setdefault(v, len(index)) for v in values), dtype=np.int64)
    return codes, list(index)


def split_by_run(table: Columns) -> dict[str, dict[str, np.ndarray]]:
    """Return the table's rows of every run; an empty table gives no run."""
    if "run_id" not in table or len(table["run_id"]) == 0:
        return {}
    codes, run_ids = codes_of(table["run_id"].tolist())
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    pieces = np.split(order, edges)
    return {str(run_ids[codes[rows[0]]]): _take(table, rows) for rows in pieces}


def _take(table: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[rows] for name, column in table.items() if name != "run_id"}
