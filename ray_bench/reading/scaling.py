"""Which batch was fixed: what a file tells of its scaling, and what has to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ray_bench.errors import AnalysisError
from ray_bench.reading.batches import Batches, agree, local_batches, plain_batches, with_times
from ray_bench.reading.choices import Choices
from ray_bench.reading.quantity import Quantity
from ray_bench.reading.synonyms import Meaning, words_of
from ray_bench.reading.table import Table, options
from ray_bench.records import Scaling

_MODES: dict[str, Scaling] = {"weak": "weak", "strong": "strong"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a curve's rows say of its scaling."""

    scaling: Scaling | None
    local_batch_size: dict[int, float] = field(default_factory=dict)
    step_time_s: dict[int, tuple[float, ...]] = field(default_factory=dict)
    is_told: bool = True  # False: nothing says which batch was fixed
    said: list[str] = field(default_factory=list)


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
    local = local_batches(table, rows, size, batches)
    plain = plain_batches(rows, size, batches, choices)
    if not local and plain is not None:
        local = plain
    times: dict[int, tuple[float, ...]] = {}
    if role == "rate" and quantity.meaning.unit not in ("tokens", "epochs", "words"):
        local, times = with_times(table, rows, size, quantity, batches, local)
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
    return "weak" if agree(values) else "strong"


def _told_mode(table: Table, found: Mapping[str, Meaning], rows: Sequence[int]) -> Scaling | None:
    for name, meaning in found.items():
        if meaning.role == "scaling":
            cells = {str(table.columns[name][row]).strip().lower() for row in rows}
            words = {word for cell in cells for word in _MODES if word in cell}
            if len(words) == 1:
                return _MODES[words.pop()]
    return None
