"""Who looks at a sweep while it runs."""

from __future__ import annotations

from typing import Protocol

from ray_bench.records import RunRecord


class Viewer(Protocol):
    """Shows what happens; a terminal, a log or a web page."""

    def finished(self, run: RunRecord) -> None:
        """Show that a run ended."""
        ...

    def note(self, text: str) -> None:
        """Show a sentence."""
        ...
