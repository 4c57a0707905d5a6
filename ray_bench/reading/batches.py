"""Which batch was fixed: what the columns of a file say, and what has to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ray_bench.errors import AnalysisError
from ray_bench.reading.choices import Choices
from ray_bench.reading.decimals import Mark
from ray_bench.reading.numbers import is_nothing, number_of
from ray_bench.reading.quantity import Quantity
from ray_bench.reading.synonyms import Meaning, words_of
from ray_bench.reading.table import Table, options, shown
from ray_bench.records import Scaling

#: throughput x step time / batch may differ by so much where a file gives both.
_CONSISTENT_FRAC = 0.02
_WRONG_FRAC = 0.2
_ROLES = ("local_batch_size", "global_batch_size", "batch_size")
_MODES: dict[str, Scaling] = {"weak": "weak", "strong": "strong"}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a curve's rows say of its scaling."""

    scaling: Scaling | None
    local_batch_size: dict[int, float] = field(default_factory=dict)
    step_time_s: dict[int, tuple[float, ...]] = field(default_factory=dict)
    is_told: bool = True  # False: nothing says which batch was fixed
    said: list[str] = field(default_factory=list)


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


def scaling_of(
    table: Table,
    found: Mapping[str, Meaning],
    rows: Sequence[int],
    size: Mapping[int, int],
    quantity: Quantity,
    batches: Batches,
    choices: Choices,
) -> Told:
    """Return which batch the rows of a curve had.

    Raises:
        AnalysisError: Nothing tells it, and the curve depends on it.
    """
    role = quantity.meaning.role
    local = _local(table, rows, size, batches)
    plain = _plain(rows, size, batches, choices)
    if not local and plain is not None:
        local = plain
    times: dict[int, tuple[float, ...]] = {}
    if role == "rate" and quantity.meaning.unit not in ("tokens", "epochs", "words"):
        local, times = _with_times(table, rows, size, quantity, batches, local)
    mode = choices.scaling or _told_mode(table, found, rows)
    if role in ("step_time", "step_rate"):
        return _of_steps(table, quantity, local, mode, batches)
    if role in ("epoch_time", "total_time"):
        return _of_jobs(table, found, rows, quantity, local, mode)
    is_counted = role in ("rate", "sample_time") and quantity.meaning.unit not in (
        "tokens",
        "epochs",
        "words",
    )
    if local and not is_counted:  # tokens are no samples: the batch tells the mode alone
        return Told(scaling=mode or _mode(local))
    if local:
        return Told(scaling=mode, local_batch_size=local, step_time_s=times)
    return Told(scaling=mode or "weak", is_told=mode is not None, step_time_s=times)


def _of_steps(
    table: Table,
    quantity: Quantity,
    local: dict[int, float],
    mode: Scaling | None,
    batches: Batches,
) -> Told:
    if local:
        return Told(scaling=mode, local_batch_size=local)
    if mode is not None:
        return Told(scaling=mode)
    name = batches.columns.get("batch_size")
    asked = f"{quantity.column!r} has the times or rates of steps"
    if name is not None:
        raise AnalysisError(
            f"{table.name}: {asked}, and {name!r} may be the batch of a worker or the global one; "
            f"the curves differ. Choose with "
            + options("--column", f"local_batch_size={name}", f"global_batch_size={name}")
            + "."
        )
    raise AnalysisError(
        f"{table.name}: {asked}, and nothing says which batch was fixed; the curves differ. Give "
        "--scaling weak if each worker had the same batch, --scaling strong if all together had, "
        "or a column local_batch_size or global_batch_size."
    )


def _of_jobs(
    table: Table,
    found: Mapping[str, Meaning],
    rows: Sequence[int],
    quantity: Quantity,
    local: dict[int, float],
    mode: Scaling | None,
) -> Told:
    """Return the scaling of epochs and jobs: an epoch is the same data for any number of workers.

    Raises:
        AnalysisError: A job may be the same work for any number of workers, or as much for each.
    """
    if quantity.meaning.role == "epoch_time":
        mode = mode or (_mode(local) if local else "strong")
        return Told(scaling=mode, said=[f"an epoch is a fixed amount of data: {mode} scaling"])
    if mode is not None:
        return Told(scaling=mode)
    epochs = [x for x, y in found.items() if y.role == "amount" and "epoch" in x.lower()]
    is_same = bool(epochs) and len({str(table.columns[epochs[0]][row]) for row in rows}) == 1
    if is_same or {"train", "training"} & set(words_of(quantity.column)):
        return Told(
            scaling="strong", said=["a training is the same work for any number: strong scaling"]
        )
    raise AnalysisError(
        f"{table.name}: {quantity.column!r} is the time of a job. Give --scaling strong if the job "
        "was the same for any number of workers, --scaling weak if it grew with them; the curves "
        "differ."
    )


def _mode(local: Mapping[int, float]) -> Scaling:
    values = list(local.values())
    return "weak" if _agree(values) else "strong"


def _told_mode(table: Table, found: Mapping[str, Meaning], rows: Sequence[int]) -> Scaling | None:
    for name, meaning in found.items():
        if meaning.role == "scaling":
            cells = {str(table.columns[name][row]).strip().lower() for row in rows}
            words = {word for cell in cells for word in _MODES if word in cell}
            if len(words) == 1:
                return _MODES[words.pop()]
    return None


def _local(
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
        if not _agree([first, batch]):
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
    if not _agree(list(found.values())):
        raise AnalysisError(
            f"{table.where(row)}: global_batch_size is not {size} x local_batch_size; correct one "
            "of them, or leave it out."
        )
    return found[given[0]]


def _plain(
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
    if _agree(values):
        if choices.scaling is None:
            return None
        return {n: x if choices.scaling == "weak" else x / n for n, x in known.items()}
    if _agree([x / n for n, x in known.items()]):
        return {n: x / n for n, x in known.items()}
    return known if _agree([x * n for n, x in known.items()]) else None


def _with_times(
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
        if worst > 1 + _WRONG_FRAC:
            raise _at_odds(table, quantity, name, "is not the batch that is given")
        return local, found if worst <= 1 + _CONSISTENT_FRAC else {}
    everything = [x for values in seen.values() for x in values]
    is_weak = _agree(everything)
    is_strong = _agree([n * x for n, values in seen.items() for x in values])
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


def _agree(values: Sequence[float]) -> bool:
    return max(values) <= min(values) * (1 + _CONSISTENT_FRAC)
