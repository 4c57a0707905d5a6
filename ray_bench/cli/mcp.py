"""`ray-bench mcp`: the results as tools for a coding agent, over standard input and output."""

from __future__ import annotations

from typing import Annotated

import typer

HELP = """Answer a coding agent: list sweeps, read answers, compare, predict, plan.

Speaks the Model Context Protocol over standard input and output, for an agent that starts this
command itself. Nothing is written and no sweep is started; where agents may start sweeps, let them
ask the running service at http://HOST:8300/mcp instead. See docs/mcp.md. Needs the package mcp.

\b
Examples:
  ray-bench mcp results
  claude mcp add scaling -- ray-bench mcp results
  claude mcp add --transport http scaling http://127.0.0.1:8300/mcp
"""


def mcp(
    folder: Annotated[
        str, typer.Argument(metavar="RESULTS", help="The results: a folder, s3://, gs://.")
    ] = "results",
) -> None:
    """Answer a coding agent."""
    import tempfile
    from pathlib import Path

    from ray_bench.errors import MissingExtraError

    try:
        from ray_bench.serve.mcp import serve_stdio
    except ImportError as err:
        raise MissingExtraError(
            f"This needs {err.name}; pip install mcp 'ray-bench[serve]', and start again."
        ) from err
    from ray_bench.serve.places import check_results

    check_results(folder, read_only=True)
    with tempfile.TemporaryDirectory() as state:
        serve_stdio(folder, Path(state))
