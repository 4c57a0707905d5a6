"""The curve of one configuration, from the rows that count."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from ray_bench.errors import AnalysisError
from ray_bench.reading.batches import Batches
from ray_bench.reading.choices import Choices
from ray_bench.reading.configurations import Configuration
from ray_bench.reading.curve import Curve, check_neighbours, check_repeats
from ray_bench.reading.quantity import Quantity
from ray_bench.reading.scaling import scaling_of
from ray_bench.reading.sizes import Sizes
from ray_bench.reading.synonyms import Meaning
from ray_bench.reading.table import Table

_HOUR_S = 3600.0
_LONG_S = 20.0
#: Throughput that never rises by more than this with the workers may be that of each.
_FLAT = 1.15


def curve_of(
    table: Table,
    found: Mapping[str, Meaning],
    group: Configuration,
    size: Mapping[int, int],
    quantity: Quantity,
    sizes: Sizes,
    batches: Batches,
    choices: Choices,
) -> tuple[Curve, list[str]]:
    """Return one curve, and what is to be said of it."""
    rows = [row for row in group.rows if quantity.values[row] is not None]
    values: dict[int, list[float]] = {}
    where: dict[int, list[int]] = {}
    for row in sorted(rows, key=lambda x: size[x]):
        value = quantity.values[row]
        assert value is not None
        values.setdefault(size[row], []).append(_of_curve(value, size[row], quantity))
        where.setdefault(size[row], []).append(row)
    check_repeats(values, where, table)
    told = scaling_of(table, found, rows, size, quantity, batches, choices)
    if quantity.meaning.role == "total_time" and told.scaling == "weak":
        values = {n: [n * x for x in repeats] for n, repeats in values.items()}
    is_time = quantity.meaning.role in ("step_time", "step_rate")
    curve = Curve(
        name=group.name,
        settings=group.settings,
        quantity="step_time_s" if is_time else "throughput",
        values={n: tuple(x) for n, x in values.items()},
        unit=unit_of(quantity),
        is_relative=quantity.meaning.role in ("speedup", "efficiency"),
        scaling=told.scaling,
        is_scaling_told=told.is_told,
        local_batch_size=told.local_batch_size,
        step_time_s=told.step_time_s,
        workers_per_node=_workers_per_node(rows, size, sizes, choices),
    )
    rates = {n: _rate(statistics.fmean(x), n, curve) for n, x in values.items()}
    if not choices.keep_jumps:
        first = {n: x[0] for n, x in where.items()}
        check_neighbours(rates, first, table, quantity.column)
    _check_per(table, quantity, rates, choices)
    return curve, told.said


def unit_of(quantity: Quantity) -> str | None:
    """Return the unit of throughput: `images/s`, `epochs/h`, `speedup`; None: it is not told."""
    meaning = quantity.meaning
    if meaning.role in ("speedup", "efficiency"):
        return "speedup"
    if meaning.role in ("epoch_time", "total_time"):
        what = "epochs" if meaning.role == "epoch_time" else "jobs"
        time = "h" if _is_long(quantity) else "s"
        return f"{what}/{time}" if meaning.seconds is not None else f"{what} per unit of time"
    if meaning.role in ("step_time", "step_rate"):
        return None
    if meaning.unit is None:
        return None
    return meaning.unit if meaning.unit.endswith("/s") else f"{meaning.unit}/s"


def _of_curve(value: float, size: int, quantity: Quantity) -> float:
    """Return throughput, or the time of a step: of one epoch or job it is the rate of them."""
    role = quantity.meaning.role
    if role in ("epoch_time", "total_time"):
        return (_HOUR_S if _is_long(quantity) else 1.0) / value
    return value * size if role == "efficiency" else value


def _is_long(quantity: Quantity) -> bool:
    """Whether an epoch or a job takes so long that people count them by the hour."""
    if quantity.meaning.seconds is None:
        return False
    return max(x for x in quantity.values if x is not None) > _LONG_S


def _rate(value: float, size: int, curve: Curve) -> float:
    if curve.quantity == "throughput":
        return value
    batch = curve.local_batch_size.get(size)
    if batch is not None:
        return size * batch / value
    return (size if curve.scaling == "weak" else 1) / value


def _workers_per_node(
    rows: Sequence[int], size: Mapping[int, int], sizes: Sizes, choices: Choices
) -> int | None:
    """Return how many workers a node holds, where the file's nodes say one number for all rows."""
    if choices.workers_per_node is not None or sizes.nodes is None or sizes.is_nodes:
        return choices.workers_per_node
    counts = {(size[row], sizes.nodes[row]) for row in rows}
    several = {n / nodes for n, nodes in counts if nodes is not None and nodes > 1}
    if len(several) != 1 or any(nodes is None for _, nodes in counts):
        return None
    each = several.pop()
    alone = all(n <= each for n, nodes in counts if nodes == 1)
    return int(each) if alone and each == int(each) else None


def _check_per(
    table: Table, quantity: Quantity, rates: Mapping[int, float], choices: Choices
) -> None:
    """Refuse rates that do not rise with the workers where nothing says whose they are."""
    meaning = quantity.meaning
    if meaning.role not in ("rate", "sample_time") or meaning.per or choices.per:
        return
    first = rates[min(rates)]
    if len(rates) > 1 and max(rates.values()) <= _FLAT * first:
        raise AnalysisError(
            f"{table.name}: {quantity.column!r} does not rise with the workers. Is it the rate of "
            "each worker, or of all together? Give --per worker or --per total."
        )
