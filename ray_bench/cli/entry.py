"""The way into the program on a Python that may lack packages, as a cluster's may."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ray_bench.needs import lacking, missing


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, or say what this Python lacks; ends with SystemExit."""
    try:
        from ray_bench.cli.main import main as program
    except ModuleNotFoundError as err:
        if err.name is None or err.name.partition(".")[0] == "ray_bench":
            raise
        sys.exit(f"error: {lacking(missing() or (err.name,))}")
    program(arguments)
