"""Who looks at a sweep while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, final

from ray_bench.records import RunRecord


class Viewer(Protocol):
    """Shows what happens; a terminal, a log or a web page."""

    def finished(self, run: RunRecord) -> None:
        """Show that a run ended."""
        ...

    def note(self, text: str) -> None:
        """Show a sentence."""
        ...


@final
class Voice:
    """Where sentences go that may come before a viewer looks, and while it does."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def __call__(self, text: str) -> None:
        """Say a sentence."""
        self._say(text)

    @contextmanager
    def through(self, say: Callable[[str], None]) -> Iterator[None]:
        """Say it there meanwhile."""
        before, self._say = self._say, say
        try:
            yield
        finally:
            self._say = before
