"""The results of a folder, with what other people's jobs have left in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ray_bench.store import ResultsStore


def opened(folder: str) -> ResultsStore:
    """Return a folder's results; attached jobs that are over are stored first, and said."""
    from ray_bench.journals.collect import collect
    from ray_bench.store import ResultsStore

    store = ResultsStore(folder)
    found = collect(store)
    for note in found.notes:
        typer.echo(note, err=True)
    if found.run_ids:
        jobs = f"{len(found.run_ids)} attached job{'s' * (len(found.run_ids) > 1)}"
        typer.echo(f"Stored {jobs} in {store.root}.", err=True)
    return store
