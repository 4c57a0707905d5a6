"""Keeps the live state of a sweep in the store, while it runs and at its end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from ray_bench.errors import RayBenchError, StoreError
from ray_bench.store import ResultsStore
from ray_bench.store.live import write_live
from ray_bench.sweep.live import LiveSweep

#: On a disk of this machine; an object store costs money and time for each.
LOCAL_EVERY_S, REMOTE_EVERY_S = 1.0, 5.0
#: A store that hangs is not waited for at the end.
_PATIENCE_S = 10.0


@contextlib.contextmanager
def kept_live(
    store: ResultsStore, sweep_id: str, live: LiveSweep, say: Callable[[str], None]
) -> Iterator[None]:
    """Write the state again and again in a thread of its own, and how the sweep ended.

    A store that fails or hangs does not disturb the sweep; it is said once.
    """
    writer = _Writer(store, sweep_id, live, say)
    every_s = LOCAL_EVERY_S if store.local_folder is not None else REMOTE_EVERY_S
    ended = threading.Event()
    thread = threading.Thread(target=writer.until, args=(ended, every_s), daemon=True)
    thread.start()
    try:
        yield
        live.end("finished")
    except KeyboardInterrupt:
        live.end("interrupted")
        raise
    except RayBenchError as err:
        live.end("failed", str(err))
        raise
    except BaseException as err:
        live.end("failed", f"{type(err).__name__}: {err}")
        raise
    finally:
        ended.set()
        thread.join(_PATIENCE_S)


class _Writer:
    def __init__(
        self, store: ResultsStore, sweep_id: str, live: LiveSweep, say: Callable[[str], None]
    ) -> None:
        self._store = store
        self._sweep_id = sweep_id
        self._live = live
        self._say = say
        self._has_warned = False

    def until(self, ended: threading.Event, every_s: float) -> None:
        self.write()
        while not ended.wait(every_s):
            self.write()
        self.write()

    def write(self) -> None:
        try:
            write_live(self._store, self._sweep_id, self._live.state())
        except StoreError as err:
            if not self._has_warned:
                self._has_warned = True
                self._say(f"note: the live state of the sweep is not up to date. {err}")
