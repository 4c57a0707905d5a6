"""What ranks say while they work, and what of it is kept. No torch here: the driver reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from ray_bench.launch.failures import Failure
from ray_bench.records import BlockRecord, EpochRecord, EvaluationRecord
from ray_bench.train.live import Phase

Kept = BlockRecord | EpochRecord | EvaluationRecord
#: Sweep and run.
RunKey = tuple[str, str]

_KINDS: dict[str, type[Any]] = {
    "block": BlockRecord,
    "epoch": EpochRecord,
    "evaluation": EvaluationRecord,
}
_VALUES = {
    kind: attrgetter(*(field.name for field in fields(record))) for kind, record in _KINDS.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RankWords:
    """What a rank is doing, and what it measured since it last said so.

    `rank` is None where the driver speaks for a run that has no ranks yet.
    """

    launch_id: str
    rank: int | None
    phase: Phase
    key: RunKey | None = None  # None between two runs
    detail: str | None = None  # of the phase
    num_steps: int | None = None
    step: int = 0  # so many are done
    num_samples: int = 0  # of this rank, in those steps
    step_ended_s: float | None = None  # by the rank's own monotonic clock
    epoch: int = 0
    loss: float | None = None
    num_evaluated: int = 0
    num_to_evaluate: int | None = None
    courier_id: str = ""  # another one: the rank was started again
    node_id: str | None = None
    file: str | None = None  # where it wrote all of its records, on its node
    records: tuple[tuple[RunKey, Kept], ...] = ()
    failure: Failure | None = None
    is_last: bool = False  # nothing comes after it, and nothing is missing


def line_of(key: RunKey, record: Kept) -> str:
    """Return a record as a line of a rank's file."""
    kind = next(kind for kind, known in _KINDS.items() if isinstance(record, known))
    return json.dumps([kind, key, _VALUES[kind](record)]) + "\n"


def records_of(lines: Iterable[str]) -> list[tuple[RunKey, Kept]]:
    """Return what a rank's file holds; a last line that a kill has torn is left out."""
    found: list[tuple[RunKey, Kept]] = []
    for line in lines:
        try:
            kind, (sweep_id, run_id), values = json.loads(line)
        except ValueError:
            break
        names = (field.name for field in fields(_KINDS[kind]))
        found.append(((sweep_id, run_id), _KINDS[kind](**dict(zip(names, values, strict=True)))))
    return found
