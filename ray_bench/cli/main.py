"""The program: its commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import atexit
import errno
import gc
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ray_bench import __version__
from ray_bench.cli import (
    compare,
    config,
    doctor,
    export,
    fit,
    labels,
    listing,
    mcp,
    network,
    predict,
    prices,
    report,
    run,
    selfcheck,
    serve,
    submit,
    workloads,
)
from ray_bench.cli.after_dashes import AfterDashes
from ray_bench.errors import RayBenchError

HELP = """How many workers should this PyTorch DDP training use, and what does each one buy?

ray-bench trains a workload with 1, 2, 4, ... workers under Ray Train, stores every measurement in
Parquet, and explains the scaling curve: speedup, efficiency, laws, cost, and what to try next.

\b
Example: measure, then read the report again
  ray-bench run demo --results results
  ray-bench report results
"""

_GC_THRESHOLD = 100_000  # new objects; Python's own is 700
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

app = typer.Typer(
    name="ray-bench",
    help=HELP,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
)
app.command("run", cls=AfterDashes, help=run.HELP, short_help="Measure a sweep.")(run.run)
app.command(
    "submit",
    cls=AfterDashes,
    help=submit.HELP,
    short_help="Measure a sweep as a job on a cluster.",
)(submit.submit)
app.command("report", help=report.HELP, short_help="Explain a sweep.")(report.report)
app.command("list", help=listing.HELP, short_help="List sweeps with their answers.")(
    listing.list_sweeps
)
app.command("sweeps", help=listing.HELP, hidden=True)(listing.list_sweeps)  # its old name
#: A tag that goes is written -tag; letters of an option of ours would be taken from it.
_SIGNED = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
app.command(
    "tag", help=labels.TAG_HELP, short_help="Name and tag a sweep.", context_settings=_SIGNED
)(labels.tag)
app.command("note", help=labels.NOTE_HELP, short_help="Write a note on a sweep.")(labels.note)
app.command("compare", help=compare.HELP, short_help="Compare two sweeps.")(compare.compare)
app.command("export", help=export.HELP, short_help="Write tables for other programs.")(
    export.export
)
app.command("fit", help=fit.HELP, short_help="Fit and predict any curve.")(fit.fit)
app.command("predict", help=predict.HELP, short_help="Predict another network.")(predict.predict)
app.command("network", help=network.HELP, short_help="Measure all-reduce.")(network.network)
app.command(
    "doctor", cls=AfterDashes, help=doctor.HELP, short_help="Tell what can be measured here."
)(doctor.doctor)
app.command("mcp", help=mcp.HELP, short_help="Answer coding agents.")(mcp.mcp)
app.command("serve", help=serve.HELP, short_help="Show sweeps in the browser.")(serve.serve)
app.command("workloads", help=workloads.HELP, short_help="List what can be trained.")(
    workloads.workloads
)
app.command("prices", help=prices.HELP, short_help="List cloud prices.")(prices.prices)
app.command("config", help=config.HELP, short_help="Show what can be configured.")(config.config)


app.command("selfcheck", help=selfcheck.HELP, short_help="Check the instrument itself.")(
    selfcheck.selfcheck
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ray-bench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    del version  # handled by its callback


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends with SystemExit.

    Args:
        arguments: None takes those of the process.
    """
    if arguments is None:
        # The process is ours and ends soon: looking for cycles took a tenth of a large report, and
        # Python looks once more at its end, which took a fifth of a small one.
        gc.set_threshold(_GC_THRESHOLD)
        atexit.register(gc.freeze)
    try:
        _run(arguments)
    except SystemExit as end:
        store_threads = sys.modules.get("ray_bench.store.threads")
        if arguments is None and store_threads is not None:
            store_threads.leave_if_hanging(end.code if isinstance(end.code, int) else 1)
        raise


def _run(arguments: Sequence[str] | None) -> None:
    try:
        app(args=arguments, prog_name="ray-bench")
    except RayBenchError as err:
        typer.echo(f"error: {err}", err=True)
        sys.exit(err.exit_code)
    except OSError as err:
        # The store explains its own; what is left is stdout on a full disk.
        if err.errno not in _DISK_ERRORS:
            raise
        typer.echo(f"error: Cannot write the output: {err.strerror}.", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)
