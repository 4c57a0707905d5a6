"""What every page and every call is given: the store, what is known of it, and the board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from ray_bench.serve.board import Board
from ray_bench.serve.settings import ServeSettings

if TYPE_CHECKING:
    from ray_bench.serve.index import SweepIndex
    from ray_bench.serve.studies import Studies
    from ray_bench.store import ResultsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The parts of a running service.

    Attributes:
        settings: What it was started with.
        store: The results.
        index: All sweeps at a glance, kept in memory and brought up to date by what changes.
        studies: Analysed sweeps and their reports, the newest asked for kept in memory.
        board: Jobs that were asked for here.
    """

    settings: ServeSettings
    store: ResultsStore
    index: SweepIndex
    studies: Studies
    board: Board


def service_of(request: Request) -> Service:
    """Return the service that a request came to."""
    found: Service = request.app.state.service
    return found


Given = Annotated[Service, Depends(service_of)]
