"""`ray-bench export`: results as CSV or Parquet, for other programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.options import Currency, Folder, Price

if TYPE_CHECKING:
    from ray_bench.store import ResultsStore
    from ray_bench.store.export import ArrowTable
    from ray_bench.store.location import Location

HELP = """Write results as CSV or Parquet, for spreadsheets, pandas, polars, DuckDB.

The table `tidy` has a row for every run: the point, the outcome, the environment, and its speedup,
efficiency, time and cost with intervals. The others are those of the store. docs/export.md explains
the columns and has recipes. Text that a spreadsheet would compute is neutralised in CSV.

\b
Examples:
  ray-bench export results --output runs.parquet
  ray-bench export results --format csv
  ray-bench export results --table blocks --output blocks.csv
  ray-bench export s3://bucket/results --every-sweep --output s3://bucket/tidy.parquet
  ray-bench export results --table all --format csv --output tables
"""

_ALL = "all"


class TableFile(StrEnum):
    """What a table is written as."""

    CSV = "csv"
    PARQUET = "parquet"


def export(
    folder: Folder = "results",
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID", show_default=False, help="May be repeated. Not given: the newest sweep."
        ),
    ] = None,
    every_sweep: Annotated[
        bool, typer.Option("--every-sweep", help="All sweeps in one table; `sweep_id` tells which.")
    ] = False,
    table: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="tidy, a table of the store (runs, epochs, blocks, ...), or all; may be repeated. "
            "Not given: tidy.",
        ),
    ] = None,
    form: Annotated[
        TableFile | None,
        typer.Option(
            "--format", show_default=False, help="Not given: by the end of --output, else csv."
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            show_default=False,
            help="The file, also s3://... or gs://...; a folder for several tables. Not given: CSV "
            "is printed.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    price: Price = None,
    currency: Currency = None,
) -> None:
    """Write results for other programs."""
    from ray_bench.cli.opened import opened
    from ray_bench.store.export import WRITERS

    names = _names(table)
    form = _form(form, output, len(names))
    store = opened(folder)
    ids = _sweep_ids(store, sweep, every_sweep)
    write = WRITERS[form.value]
    if output is None:
        sys.stdout.write(write(_table(store, names[0], ids, price, currency)).decode())
        return
    paths = _paths(output, names, form)
    if not force:
        _refuse_to_replace(paths.values())
    for name, (place, file) in paths.items():
        found = _table(store, name, ids, price, currency)
        path = place.write(file, write(found))
        typer.echo(f"Written: {path} ({found.num_rows} rows)", err=True)


def _names(asked: list[str] | None) -> tuple[str, ...]:
    """Return the tables that are asked for, each once."""
    import difflib

    from ray_bench.errors import ConfigError
    from ray_bench.store.export import TIDY
    from ray_bench.store.schema import SCHEMAS

    known = (TIDY, *SCHEMAS)
    names = [name for word in asked or [TIDY] for name in (known if word == _ALL else (word,))]
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}."
            raise ConfigError(f"There is no table {name!r}; {hint}")
    return tuple(dict.fromkeys(names))


def _form(form: TableFile | None, output: str | None, num_tables: int) -> TableFile:
    from ray_bench.errors import ConfigError

    ends = [x for x in TableFile if output is not None and output.endswith(f".{x.value}")]
    form = form or next(iter(ends), TableFile.CSV)
    if output is None and num_tables > 1:
        raise ConfigError("Several tables need a folder; give one as --output.")
    if output is None and form is TableFile.PARQUET:
        raise ConfigError("Parquet is not for the terminal; give a file as --output.")
    if num_tables == 1 and ends not in ([], [form]):
        raise ConfigError(f"{output} does not end in .{form.value}; rename it, or leave --format.")
    return form


def _sweep_ids(store: ResultsStore, asked: list[str] | None, every: bool) -> tuple[str | None, ...]:
    from ray_bench.errors import ConfigError

    if every and asked:
        raise ConfigError("--every-sweep and --sweep are two wishes; give one of them.")
    if every:
        return tuple(x.sweep_id for x in store.sweeps()) or (None,)  # none: reading says so
    return tuple(dict.fromkeys(asked)) if asked else (None,)


def _table(
    store: ResultsStore,
    name: str,
    sweep_ids: tuple[str | None, ...],
    price: float | None,
    currency: str | None,
) -> ArrowTable:
    from ray_bench.store.export import TIDY, joined

    if name == TIDY:
        return joined([_tidy(store, x, price, currency) for x in sweep_ids])
    return joined([store.arrow(name, x) for x in sweep_ids])


def _tidy(
    store: ResultsStore, sweep_id: str | None, price: float | None, currency: str | None
) -> ArrowTable:
    from ray_bench.analysis.per_run import PerRun, per_run
    from ray_bench.analysis.study import studies
    from ray_bench.report.model import price_of
    from ray_bench.store.export import tidy_table

    results = store.read(sweep_id)
    rows = per_run(results, studies(results), *price_of(results, price, currency))
    return tidy_table(results, PerRun, rows)


def _paths(output: str, names: tuple[str, ...], form: TableFile) -> dict[str, tuple[Location, str]]:
    """Return place and file name of every table."""
    from pathlib import Path

    from ray_bench.store.location import Location

    whole = output if "://" in output else str(Path(output).expanduser().absolute())
    if len(names) > 1:
        place = Location(whole)
        return {name: (place, f"{name}.{form.value}") for name in names}
    folder, _, file = whole.rpartition("/")
    return {names[0]: (Location(folder or "/"), file)}


def _refuse_to_replace(paths: Iterable[tuple[Location, str]]) -> None:
    from ray_bench.errors import ConfigError

    for place, file in paths:
        if place.exists(file):
            raise ConfigError(f"{place.path(file)} is there already; give --force to replace it.")
