"""What a person says of a file that does not say it itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ray_bench.errors import ConfigError
from ray_bench.reading.decimals import Mark
from ray_bench.reading.synonyms import Meaning, Per, meaning_of
from ray_bench.reading.table import Table
from ray_bench.records import Scaling

#: What a column can be named to be with --column; throughput keeps the unit in its header.
MEANINGS: dict[str, Meaning] = {
    "world_size": Meaning("world_size"),
    "num_nodes": Meaning("num_nodes"),
    "workers_per_node": Meaning("workers_per_node"),
    "throughput": Meaning("rate"),
    "iterations_per_s": Meaning("step_rate", None, 1.0),
    "step_time_s": Meaning("step_time", None, 1.0),
    "step_time_ms": Meaning("step_time", None, 1e-3),
    "epoch_time_s": Meaning("epoch_time", None, 1.0),
    "epoch_time_min": Meaning("epoch_time", None, 60.0),
    "epoch_time_h": Meaning("epoch_time", None, 3600.0),
    "total_time_s": Meaning("total_time", None, 1.0),
    "total_time_min": Meaning("total_time", None, 60.0),
    "total_time_h": Meaning("total_time", None, 3600.0),
    "speedup": Meaning("speedup"),
    "efficiency": Meaning("efficiency"),
    "local_batch_size": Meaning("local_batch_size"),
    "global_batch_size": Meaning("global_batch_size"),
    "accumulate_steps": Meaning("accumulate_steps"),
    "unit": Meaning("unit"),
    "scaling": Meaning("scaling"),
}
#: Roles that a curve can be made of, the first that a file has.
QUANTITIES = (
    "rate",
    "sample_time",
    "step_rate",
    "step_time",
    "epoch_time",
    "total_time",
    "speedup",
    "efficiency",
    "time",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Options of the command line; each is only needed where a file can be read in two ways."""

    columns: Mapping[str, str] = field(default_factory=dict)  # name in MEANINGS -> header
    per: Per | None = None
    decimal: Mark | None = None
    scaling: Scaling | None = None
    workers_per_node: int | None = None
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)  # header -> values to keep
    by: Sequence[str] = ()
    ignore: Sequence[str] = ()
    rows: Sequence[str] = ()  # of a wide table
    cells: str | None = None  # what the cells of a wide table are, a name in MEANINGS
    sheet: str | None = None
    keep_jumps: bool = False


def column_named(table: Table, wanted: str, option: str) -> str:
    """Return the header that is meant, upper and lower case alike where that is no other one.

    Raises:
        ConfigError: The table has no such column.
    """
    if wanted in table.columns:
        return wanted
    alike = [x for x in table.columns if x.casefold() == wanted.casefold()]
    if len(alike) != 1:
        raise ConfigError(
            f"{option}: {table.name} has no column {wanted!r}; its columns are: "
            f"{table.shown_columns}."
        )
    return alike[0]


def meanings(table: Table, choices: Choices) -> dict[str, Meaning]:
    """Return what the columns mean, as far as they are known.

    A column that a person names takes the place of all others that could be the same.
    """
    found = {x: y for x in table.columns if (y := meaning_of(x)) is not None}
    for name in [x for x, y in found.items() if y.role == "scaling"]:
        found[name] = _of_scaling(table.columns[name])
    for wanted, name in choices.columns.items():
        column = column_named(table, name, "--column")
        chosen = _chosen(wanted, found.get(column))
        family = QUANTITIES if chosen.role in QUANTITIES else (chosen.role,)
        for other, meaning in list(found.items()):
            if meaning.role in family and other not in choices.columns.values():
                found[other] = Meaning("measured")
        found[column] = chosen
    return found


def _of_scaling(cells: Sequence[object]) -> Meaning:
    """Return what a column `scaling` is: weak and strong, or how well a job scales."""
    texts = [str(x).strip().lower() for x in cells[:1000] if x is not None]
    if any("weak" in x or "strong" in x for x in texts):
        return Meaning("scaling")
    endings = {"x": Meaning("speedup"), "\u00d7": Meaning("speedup"), "%": Meaning("efficiency")}
    return endings.get(texts[-1][-1:] if texts else "", Meaning("measured"))


def _chosen(wanted: str, of_header: Meaning | None) -> Meaning:
    if wanted not in MEANINGS:
        raise ConfigError(f"--column: there is no {wanted!r}; there are {', '.join(MEANINGS)}.")
    meaning = MEANINGS[wanted]
    if of_header is not None and of_header.role == meaning.role == "rate":
        return of_header
    return meaning
