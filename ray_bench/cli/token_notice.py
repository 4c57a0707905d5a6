"""One line, before a cluster is joined, where its token lies open."""

from __future__ import annotations

import typer


def warn_of_readable_token() -> None:
    """Say on stderr that others can read the cluster's token, if they can."""
    from ray_bench.launch.token import readable_by_others

    warning = readable_by_others()
    if warning is not None:
        typer.echo(f"warning: {warning}", err=True)
