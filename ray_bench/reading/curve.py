"""A curve as it was read: repeats by world size, what they are, and what the file says of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ray_bench.errors import AnalysisError
from ray_bench.reading.table import Table, shown
from ray_bench.records import Scaling

#: Repeats that differ by more are not in one unit.
_MAX_REPEAT_RATIO = 10.0
#: Throughput may fall to this share from one world size to the next, or rise by as much more than
#: the workers do, before a slip of units is likelier. A collapse of real machines is rarer.
_LIKELY_FALL = 1 / 7
_SLIPS = {
    1000: "a thousands mark, k or milliseconds",
    100: "per cent",
    60: "minutes",
    10: "a digit",
}
#: A slip is as likely as the nearest one where it is within this factor of what is seen.
_NEAR = 1.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One configuration. Repeats of a world size are in the order of the file."""

    name: str  # "" where the file has one curve
    settings: Mapping[str, str]  # what makes it another curve than the others
    quantity: Literal["throughput", "step_time_s"]
    values: Mapping[int, tuple[float, ...]]  # by world size, ascending
    unit: str | None  # of throughput: "images/s", "epochs/s"; "speedup" where it is relative
    is_relative: bool  # speedups or efficiencies: nothing says how fast one worker is
    scaling: Scaling | None  # None: its batches tell
    is_scaling_told: bool  # False: neither the file nor a person tells; taken as weak
    local_batch_size: Mapping[int, float] = field(default_factory=dict)  # of a worker and step
    step_time_s: Mapping[int, tuple[float, ...]] = field(default_factory=dict)  # beside throughput
    workers_per_node: int | None = None
    peak_memory_bytes: Mapping[int, tuple[float, ...]] = field(default_factory=dict)  # of a worker


def check_repeats(
    values: Mapping[int, Sequence[float]], where: Mapping[int, Sequence[int]], told: Table
) -> None:
    """Refuse repeats that are not in one unit.

    Args:
        values: By world size.
        where: The rows of them.
        told: The table that they are in, for the message.
    """
    for size, repeats in values.items():
        low, high = min(repeats), max(repeats)
        if high / low > _MAX_REPEAT_RATIO:
            places = [told.rows[where[size][list(repeats).index(x)]] for x in (low, high)]
            raise AnalysisError(
                f"{told.name}: repeats of world size {size} differ by a factor of {high / low:.3g} "
                f"({low:g} in {places[0]}, {high:g} in {places[1]}); are they in one unit?"
            )


def check_neighbours(
    throughput: Mapping[int, float], where: Mapping[int, int], told: Table, column: str
) -> None:
    """Refuse a step between neighbours that is a slip of units sooner than a measurement.

    Args:
        throughput: Mean of all workers by world size.
        where: A row of each.
        told: The table that they are in, for the message.
        column: Of what was measured.
    """
    sizes = sorted(throughput)
    for before, size in itertools.pairwise(sizes):
        change = throughput[size] / throughput[before]
        most = size / before / _LIKELY_FALL
        if _LIKELY_FALL <= change <= most:
            continue
        # Against what the workers would bring: the geometric mean of none and of all of it.
        odd = change / math.sqrt(size / before)
        raise AnalysisError(
            f"{told.name}: {_cell(told, column, where[before])} and "
            f"{_cell(told, column, where[size])} are {before} and {size} workers, and throughput "
            f"changes by a factor of {change:.3g}. A slip of units by {_slips(odd)} is likelier: "
            "correct one of the cells (--decimal tells the decimal mark), or give --keep-jumps if "
            "both are right."
        )


def _slips(odd: float) -> str:
    """Return the slips that are near a factor."""
    far = {x: abs(math.log(x) - abs(math.log(odd))) for x in _SLIPS}
    likely = [x for x in _SLIPS if far[x] <= max(min(far.values()), math.log(_NEAR))]
    return " or ".join(f"{x} ({_SLIPS[x]})" for x in likely)


def _cell(told: Table, column: str, row: int) -> str:
    return f"{told.rows[row]} ({shown(told.columns[column][row])})"
