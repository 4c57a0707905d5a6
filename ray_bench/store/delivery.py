"""Runs on their way into the results: stored, or kept on this machine until they can be."""

from __future__ import annotations

from typing import final

from ray_bench.errors import AlreadyStoredError, StoreError
from ray_bench.store.location import Location
from ray_bench.store.patience import Say
from ray_bench.store.run_files import RunFiles, store_run
from ray_bench.store.spool import Spool


@final
class Delivery:
    """Into one location.

    Args:
        location: Of the results.
        root: Its name, for people.
        say: Told what was kept, and what was stored later.
    """

    def __init__(self, location: Location, root: str, say: Say) -> None:
        self._location = location
        self._root = root
        self._say = say
        self._spool = Spool(location.key)

    def store(self, files: RunFiles) -> None:
        """Store a run, and before it those that wait.

        Raises:
            AlreadyStoredError: If this attempt is stored with other content.
            StoreError: If it cannot be stored; says where it is kept.
        """
        try:
            self.deliver()
            store_run(self._location, files)
        except StoreError as err:
            kept = self._kept(files, refused=isinstance(err, AlreadyStoredError))
            raise type(err)(f"{err} {kept}") from err
        except KeyboardInterrupt:
            self._say(self._kept(files))
            raise

    def deliver(self) -> None:
        """Store the runs that wait.

        Raises:
            StoreError: If the results cannot be written still.
        """
        num_delivered, refused = self._spool.deliver(lambda x: store_run(self._location, x))
        if num_delivered:
            runs = "1 run that was" if num_delivered == 1 else f"{num_delivered} runs that were"
            self._say(f"Stored {runs} kept aside, in {self._root}")
        for reason in refused:
            self._say(reason)

    def _kept(self, files: RunFiles, *, refused: bool = False) -> str:
        """Keep a run on this machine; returns where, in words."""
        try:
            place = self._spool.keep(files, refused=refused)
        except (OSError, RuntimeError) as err:  # no home, or no room there either
            return f"The run could not be kept in {self._spool.folder} either: {err}."
        if refused:
            return f"The run is kept in {place}."
        return (
            f"The run is kept in {place}, and will be stored when ray-bench next writes to "
            f"{self._root}."
        )
