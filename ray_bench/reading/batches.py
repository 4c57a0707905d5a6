"""The batch of a worker by world size, as the columns of a file tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_bench.errors import AnalysisError
from ray_bench.reading.choices import Choices
from ray_bench.reading.decimals import Mark
from ray_bench.reading.numbers import is_nothing, number_of
from ray_bench.reading.quantity import Quantity
from ray_bench.reading.synonyms import Meaning
from ray_bench.reading.table import Table, options, shown

#: throughput x step time / batch may differ by so much where a file gives both.
_CONSISTENT_FRAC = 0.02
_WRONG_FRAC = 0.2
_ROLES = ("local_batch_size", "global_batch_size", "batch_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Batch sizes by row, for the roles that a file has; and the step times beside a rate."""

    columns: Mapping[str, str]  # role -> header
    values: Mapping[str, list[float | None]]  # role -> by row
    step_time_s: tuple[str, list[float | None]] | None  # header, by row

    @property
    def read(self) -> list[str]:
        """What was read as what."""
        names = {"local_batch_size": "batch of a worker", "global_batch_size": "global batch"}
        return [f"{names[x]} = column {y!r}" for x, y in self.columns.items() if x in names]


def batches_of(table: Table, found: Mapping[str, Meaning], mark: Mark) -> Batches:
    """Return what a table says of batches and step times."""
    columns, values = {}, {}
    for role in (*_ROLES, "accumulate_steps"):
        name = next((x for x, y in found.items() if y.role == role), None)
        if name is not None and any(not is_nothing(x) for x in table.columns[name]):
            columns[role] = name
            values[role] = [_number(x, mark) for x in table.columns[name]]
    times = [x for x, y in found.items() if y.role == "step_time" and y.seconds is not None]
    steps = None
    if len(times) == 1:
        factor = found[times[0]].seconds or 1.0
        seconds = [_number(x, mark) for x in table.columns[times[0]]]
        steps = (times[0], [None if x is None else x * factor for x in seconds])
    return Batches(columns=columns, values=values, step_time_s=steps)


def _number(cell: object, mark: Mark) -> float | None:
    found = None if is_nothing(cell) else number_of(cell, mark)
    return None if found is None else found.value


def local_batches(
    table: Table, rows: Sequence[int], size: Mapping[int, int], batches: Batches
) -> dict[int, float]:
    """Return the batch of a worker by world size, of which there has to be one each."""
    given = [
        x
        for x in ("global_batch_size", "local_batch_size")
        if x in batches.columns and any(batches.values[x][row] is not None for row in rows)
    ]
    found: dict[int, float] = {}
    for row in rows if given else ():
        batch = _local_batch(table, row, size[row], given, batches)
        first = found.setdefault(size[row], batch)
        if not agree([first, batch]):
            raise AnalysisError(
                f"{table.where(row)}: world size {size[row]} has {batch:g} samples a worker here "
                f"and {first:g} before; these are two curves, give each in a file of its own."
            )
    return dict(sorted(found.items()))


def _local_batch(
    table: Table, row: int, size: int, given: Sequence[str], batches: Batches
) -> float:
    found = {}
    for role in given:
        value = batches.values[role][row]
        if value is None or not value > 0:
            cell = shown(table.columns[batches.columns[role]][row])
            raise AnalysisError(
                f"{table.where(row)}: {batches.columns[role]} has to be a number above 0, got "
                f"{cell}."
            )
        steps = batches.values.get("accumulate_steps")
        times = (steps[row] or 1) if steps is not None and role == "local_batch_size" else 1
        found[role] = value / size if role == "global_batch_size" else value * times
    if not agree(list(found.values())):
        raise AnalysisError(
            f"{table.where(row)}: global_batch_size is not {size} x local_batch_size; correct one "
            "of them, or leave it out."
        )
    return found[given[0]]


def plain_batches(
    rows: Sequence[int],
    size: Mapping[int, int],
    batches: Batches,
    choices: Choices,
) -> dict[int, float] | None:
    """Return the batch of a worker that a column 'batch_size' can only mean; None if it may be two.

    One that grows with the workers is the global one, and one that shrinks with them a worker's.
    """
    column = batches.values.get("batch_size")
    if column is None:
        return None
    pairs = [(size[row], column[row]) for row in rows]
    known = {n: x for n, x in pairs if x}
    if len(known) < 2 or any(x is None for _, x in pairs):
        return None
    values = list(known.values())
    if agree(values):
        if choices.scaling is None:
            return None
        return {n: x if choices.scaling == "weak" else x / n for n, x in known.items()}
    if agree([x / n for n, x in known.items()]):
        return {n: x / n for n, x in known.items()}
    return known if agree([x * n for n, x in known.items()]) else None


def with_times(
    table: Table,
    rows: Sequence[int],
    size: Mapping[int, int],
    quantity: Quantity,
    batches: Batches,
    local: dict[int, float],
) -> tuple[dict[int, float], dict[int, tuple[float, ...]]]:
    """Return the batch of a worker that rate and step time tell, and the step times."""
    if batches.step_time_s is None:
        return local, {}
    name, seconds = batches.step_time_s
    seen: dict[int, list[float]] = {}
    times: dict[int, list[float]] = {}
    for row in rows:
        time, rate = seconds[row], quantity.values[row]
        if time is None or rate is None or not time > 0:
            return local, {}
        seen.setdefault(size[row], []).append(time * rate / size[row])
        times.setdefault(size[row], []).append(time)
    found = {n: tuple(x) for n, x in sorted(times.items())}
    if local:
        worst = max(max(x / local[n], local[n] / x) for n, xs in seen.items() for x in xs)
        of_one = [n * x / local[n] for n, xs in seen.items() for x in xs]
        if worst > 1 + _WRONG_FRAC and agree([1.0, *of_one]) and quantity.meaning.per is None:
            raise AnalysisError(
                f"{table.name}: {quantity.column} x {name} is the batch of one worker, so the rate "
                "is that of each: give --per worker."
            )
        if worst > 1 + _WRONG_FRAC:
            raise _at_odds(table, quantity, name, "is not the batch that is given")
        return local, found if worst <= 1 + _CONSISTENT_FRAC else {}
    everything = [x for values in seen.values() for x in values]
    is_weak = agree(everything)
    is_strong = agree([n * x for n, values in seen.items() for x in values])
    if is_weak or is_strong:
        return {n: sum(x) / len(x) for n, x in sorted(seen.items())}, found
    raise _at_odds(
        table,
        quantity,
        name,
        "is neither the same global batch nor the same batch per worker in all rows",
    )


def _at_odds(table: Table, quantity: Quantity, name: str, why: str) -> AnalysisError:
    choice = options("--column", f"throughput={quantity.column}", f"step_time_s={name}")
    return AnalysisError(
        f"{table.name}: {quantity.column} x {name} {why}; check the units of both, or take one of "
        f"them alone with {choice}."
    )


def agree(values: Sequence[float]) -> bool:
    """Whether some numbers are one, as far as rounding and uneven shares let them be."""
    return max(values) <= min(values) * (1 + _CONSISTENT_FRAC)
