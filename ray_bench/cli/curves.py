"""Options that say how a file of somebody's numbers is read, and the curves that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ray_bench.analysis.fit.measured import MeasuredCurve
    from ray_bench.reading.curve import Curve


class Per(StrEnum):
    """Whose a rate is; `reading` has the same names."""

    WORKER = "worker"
    NODE = "node"
    TOTAL = "total"


class Decimal(StrEnum):
    """The decimal mark; `reading` has the same names."""

    POINT = "point"
    COMMA = "comma"


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Tables or logs. N=FILE gives the world size of a file that does not tell it (4=a.log,"
        " or 2x8=a.log for nodes x workers); NAME=FILE names its curve.",
    ),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ROLE=NAME",
        show_default=False,
        help="What a column is (world_size=GPUs, throughput=Wert, epoch_time_s=Zeit); may be "
        "repeated. Not given: by its name.",
    ),
]
PerOf = Annotated[
    Per | None,
    typer.Option(
        "--per", show_default=False, help="Of whom the rates are. Not given: by their name."
    ),
]
DecimalMark = Annotated[
    Decimal | None,
    typer.Option(show_default=False, help="The decimal mark. Not given: what the cells tell."),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN=VALUE",
        show_default=False,
        help="Take these rows alone; VALUE,VALUE for several values; may be repeated.",
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        show_default=False,
        help="A curve for each value of a column; may be repeated. Not given: for each "
        "configuration.",
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        show_default=False,
        help="Rows that differ in this alone are repeats; may be repeated.",
    ),
]
RowOf = Annotated[
    list[str] | None,
    typer.Option(
        "--row",
        metavar="NAME",
        show_default=False,
        help="A row of a table with a column for every world size; may be repeated. Not given: "
        "every row is a curve.",
    ),
]
Cells = Annotated[
    str | None,
    typer.Option(
        metavar="ROLE", show_default=False, help="What the cells of such a table are (step_time_s)."
    ),
]
Sheet = Annotated[
    str | None, typer.Option(metavar="NAME", show_default=False, help="A sheet of an Excel file.")
]
KeepJumps = Annotated[
    bool,
    typer.Option(
        "--keep-jumps",
        help="A jump by a factor near 10, 60, 100 or 1000 between neighbours was measured and is "
        "no slip of units.",
    ),
]


def pairs(option: str, words: Sequence[str] | None, meaning: str) -> dict[str, str]:
    """Return what options of the form A=B say.

    Args:
        option: Its name, for the message.
        words: What was given.
        meaning: Its form, for the message.
    """
    from ray_bench.errors import ConfigError

    found = {}
    for word in words or ():
        name, sign, value = word.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise ConfigError(f"{option} has the form {meaning}, got {word!r}.")
        found[name.strip()] = value.strip()
    return found


def measured_of(curve: Curve, scaling: str | None) -> MeasuredCurve:
    """Return a curve that was read as one that can be fitted.

    Args:
        curve: As it was read.
        scaling: What was asked for; where the batches in the file say otherwise, it is refused.
    """
    from ray_bench.analysis.fit.measured import fixed_batch, measured_curve
    from ray_bench.errors import ConfigError

    seen = fixed_batch(curve.local_batch_size) if curve.local_batch_size else None
    if scaling is not None and seen not in (None, scaling):
        fixed = {"weak": "that of a worker", "strong": "the global one", "mixed": "neither"}
        raise ConfigError(
            f"--scaling {scaling} does not agree with the batches in the file, of which "
            f"{fixed[str(seen)]} is the same everywhere; leave --scaling out, or give each batch a "
            "file."
        )
    measured = measured_curve(
        curve.values,
        curve.quantity,
        curve.scaling or "weak",
        workers_per_node=curve.workers_per_node,
        step_time_s=curve.step_time_s,
        local_batch_size=curve.local_batch_size,
    )
    return replace(measured, seconds=None) if curve.is_relative else measured


def unit_of(curve: Curve, measured: MeasuredCurve) -> str | None:
    """Return the unit of throughput, None where the file does not tell it."""
    if curve.quantity == "throughput":
        return curve.unit
    if curve.local_batch_size:
        return "samples/s"
    if measured.scaling == "weak":
        return "batches of a worker per second"
    return "global batches per second"
