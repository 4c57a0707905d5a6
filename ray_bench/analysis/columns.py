"""Long tables as columns: rows of one run, and text as integer codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ray_bench.records import Columns


def codes_of(values: Iterable[object]) -> tuple[np.ndarray, list[object]]:
    """Return an integer code for every value, and the distinct values in order of appearance.

    With a dictionary: sorting text, as numpy.unique does, is many times slower.
    """
    found = list(values)
    index = {value: code for code, value in enumerate(dict.fromkeys(found))}
    codes = np.fromiter(map(index.__getitem__, found), dtype=np.int64, count=len(found))
    return codes, list(index)


def pair_keys(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return one integer for every pair, in the order of the pairs.

    `numpy.unique` of these is many times faster than of two rows.

    Args:
        first: Integers of 0 or more, shape (n,).
        second: The same; n is 1 or more.
    """
    width = int(second.max()) + 1
    return np.asarray(first.astype(np.int64) * width + second.astype(np.int64))


def split_by_run(table: Columns) -> dict[str, dict[str, np.ndarray]]:
    """Return the table's rows of every run; an empty table gives no run."""
    if "run_id" not in table or len(table["run_id"]) == 0:
        return {}
    codes, run_ids = _run_codes(table["run_id"])
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    pieces = np.split(order, edges)
    return {str(run_ids[codes[rows[0]]]): _take(table, rows) for rows in pieces}


def _run_codes(ids: np.ndarray) -> tuple[np.ndarray, list[object]]:
    """Return what `codes_of` does; rows of a run mostly follow each other, so few are looked up."""
    starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    codes, run_ids = codes_of(ids[starts].tolist())
    return np.repeat(codes, np.diff(starts, append=len(ids))), run_ids


def _take(table: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[rows] for name, column in table.items() if name != "run_id"}
