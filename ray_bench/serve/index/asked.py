"""What is asked of the list of sweeps: which fit, in which order, which page of them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from ray_bench.store.summary import State

SortKey = Literal["measured", "sweep", "state", "workers", "speedup", "efficiency", "time", "cost"]
Order = Literal["asc", "desc"]

SORT_KEYS: tuple[SortKey, ...] = get_args(SortKey)
#: As a filter shows them.
STATES: tuple[State, ...] = (
    *("running", "finished", "failed", "unfinished", "stopped", "unreadable"),
)
#: Of a column that nobody has sorted by yet, what is wanted first.
FIRST_ORDER: dict[SortKey, Order] = {
    "measured": "desc",
    "sweep": "asc",
    "state": "asc",
    "workers": "desc",
    "speedup": "desc",
    "efficiency": "desc",
    "time": "asc",
    "cost": "asc",
}
MOST_A_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question to the list; the defaults ask for the newest of all.

    Attributes:
        words: All of them are in what is searched, see `SweepRow.searched`.
        state: How far; None: whichever. So are the next three.
        workload: As the row has it.
        hardware: As the row has it.
        tag: One of its tags.
        since: Begun on this day of UTC or later.
        until: Begun on this day of UTC or earlier.
        sort: By what.
        order: Up or down; None: as is usual for `sort`.
        page: From 1.
        per_page: Sweeps on a page.
    """

    words: str = ""
    state: State | None = None
    workload: str | None = None
    hardware: str | None = None
    tag: str | None = None
    since: date | None = None
    until: date | None = None
    sort: SortKey = "measured"
    order: Order | None = None
    page: int = 1
    per_page: int = 50

    @property
    def is_descending(self) -> bool:
        """Whether the largest or newest comes first."""
        return (self.order or FIRST_ORDER[self.sort]) == "desc"

    @property
    def has_filter(self) -> bool:
        """Whether it may leave sweeps out."""
        filters = (self.state, self.workload, self.hardware, self.tag, self.since, self.until)
        return bool(self.words.split()) or any(x is not None for x in filters)

    def sorted_by(self, key: SortKey) -> Asked:
        """Return what a click on a column's head asks: by it, or the other way round."""
        if key != self.sort:
            return replace(self, sort=key, order=None, page=1)
        return replace(self, order="asc" if self.is_descending else "desc", page=1)

    def on_page(self, number: int) -> Asked:
        """Return the same on another page."""
        return replace(self, page=number)

    @property
    def query(self) -> str:
        """The same as the query of an address, the usual left out; empty where all is usual."""
        return urlencode({_NAMES.get(k, k): v for k, v in self._unusual().items()})

    def _unusual(self) -> dict[str, Any]:
        usual = Asked()
        values = {x.name: getattr(self, x.name) for x in fields(self)}
        return {k: v for k, v in values.items() if v != getattr(usual, k)}


_NAMES = {"words": "q"}
