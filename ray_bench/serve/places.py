"""Where a service reads, and where it keeps its state."""

from __future__ import annotations

import os
from pathlib import Path

from ray_bench.errors import ConfigError, StoreError
from ray_bench.store import ResultsStore
from ray_bench.store.location import Location, safe_name
from ray_bench.store.spool import state_folder


def check_results(results: str, *, read_only: bool) -> bool:
    """Find out at the start whether results can be used; tells whether there are none yet.

    Raises:
        ConfigError: There is no such folder to read, or what is given is a file.
        StoreError: They cannot be written, and would have to be.
    """
    store = ResultsStore(results)
    folder = store.local_folder
    if folder is not None:
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{results} is a file; give the folder of the results.")
        if read_only and not os.access(folder, os.R_OK | os.X_OK):
            what = "cannot be read by you" if folder.exists() else "does not exist"
            raise ConfigError(f"The folder {results} {what}; give one that has results.")
    if not read_only:
        try:
            store.check_writable()
        except StoreError as err:
            raise StoreError(f"{err} To look only, add --read-only.") from err
    return not store.location.names("sweeps")  # what is in them is read once, by the index


def state_dir_of(results: str) -> Path:
    """Return the folder of this machine for the state of the service of these results."""
    return state_folder() / "serve" / safe_name(Location(results).key)
