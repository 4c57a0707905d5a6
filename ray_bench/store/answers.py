"""What the last report said of a sweep, kept so that a list of sweeps need not analyse them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """The answer of a sweep in a line, with the figures behind it.

    Attributes:
        basis: of which runs, see `basis_of`; where the sweep has others now, it is out of date.
        lead: the answer.
        world_size: the recommended one; None where there is none.
        hardware: in words; None where it is not known.
        figures_json: list of objects with key, title, value, low, high, unit and currency.
        num_caveats: what to know before the answer is believed.
        curve_json: list of objects with world_size, value, low and high: the efficiency at every
            world size that was measured, bounds null where there are none; null in answers of
            versions that kept none.
    """

    sweep_id: str
    made_at_utc: datetime
    ray_bench_version: str
    basis: str
    lead: str
    world_size: int | None
    hardware: str | None
    figures_json: str
    num_caveats: int
    curve_json: str | None = None


def basis_of(runs: Iterable[tuple[str, int, str]]) -> str:
    """Return what tells the runs of a sweep from other ones.

    Args:
        runs: run id, attempt and status of the newest attempt of every run.
    """
    # An attempt is never stored anew with other content, so that these stand for all of it.
    return hashlib.sha256(repr(sorted(runs)).encode()).hexdigest()[:32]
