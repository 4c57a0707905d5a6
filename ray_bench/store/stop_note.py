"""A note in the results that asks a running sweep to begin no further run."""

from __future__ import annotations

from ray_bench.store.location import safe_name
from ray_bench.store.results_store import ResultsStore

_ASKED = "stop\n"


def ask_to_stop(store: ResultsStore, sweep_id: str) -> None:
    """Ask a sweep to end after the run that is under way, wherever it runs.

    Raises:
        StoreError: If the note cannot be written.
    """
    store.write_text(_name(sweep_id), _ASKED)


def is_asked_to_stop(store: ResultsStore, sweep_id: str) -> bool:
    """Return whether it was asked since it began.

    Raises:
        StoreError: If the results cannot be read.
    """
    return store.read_text(_name(sweep_id)) == _ASKED


def forget_stop(store: ResultsStore, sweep_id: str) -> None:
    """Forget what was asked of an earlier call of a sweep that is resumed.

    Raises:
        StoreError: If the results cannot be written.
    """
    if is_asked_to_stop(store, sweep_id):
        store.write_text(_name(sweep_id), "")


def _name(sweep_id: str) -> str:
    return f"live/{safe_name(sweep_id)}.stop"
