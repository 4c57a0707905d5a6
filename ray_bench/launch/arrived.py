"""What has come in of runs that are not over: for the record of one that fails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import final

from ray_bench.launch.failures import Failure
from ray_bench.launch.words import Kept, RankWords, RunKey
from ray_bench.records import BlockRecord, EpochRecord, EvaluationRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """Of a run that did not end well: blocks of every rank that sent any, the rest of rank 0."""

    blocks: tuple[BlockRecord, ...] = ()
    epochs: tuple[EpochRecord, ...] = ()
    evaluations: tuple[EvaluationRecord, ...] = ()

    @property
    def num_steps(self) -> int | None:
        """Steps of the rank that is known to have come furthest; None if none is known."""
        steps: dict[int, int] = defaultdict(int)
        for block in self.blocks:
            steps[block.rank] += block.num_steps
        return max(steps.values(), default=None)


@final
class Arrived:
    """Records of one launch by run and rank, each once, however often it was sent."""

    def __init__(self) -> None:
        self._kept: dict[RunKey, dict[int, dict[tuple[type, int], Kept]]] = {}
        self._couriers: dict[int, str] = {}
        self._last: dict[int, RankWords] = {}
        self._over: set[RunKey] = set()

    def add(self, words: RankWords) -> None:
        """Keep what a rank has said; a rank that was started again begins with nothing."""
        if words.rank is None:
            return
        if self._couriers.setdefault(words.rank, words.courier_id) != words.courier_id:
            self._couriers[words.rank] = words.courier_id
            for ranks in self._kept.values():
                ranks.pop(words.rank, None)
        self._last[words.rank] = replace(words, records=())
        self.keep(words.rank, words.records)

    def keep(self, rank: int, records: Iterable[tuple[RunKey, Kept]]) -> None:
        """Keep records of a rank."""
        for key, record in records:
            if key in self._over:
                continue
            of_rank = self._kept.setdefault(key, {}).setdefault(rank, {})
            of_rank[type(record), _number(record)] = record

    def forget(self, key: RunKey) -> None:
        """A run is over, and its records have come from rank 0 as a whole."""
        self._over.add(key)
        self._kept.pop(key, None)

    @property
    def last_words(self) -> tuple[RankWords, ...]:
        """The last that each rank has said, without records."""
        return tuple(self._last.values())

    @property
    def failures(self) -> Mapping[int, Failure]:
        """What the ranks that raised have said of it."""
        found = {rank: words.failure for rank, words in sorted(self._last.items())}
        return {rank: failure for rank, failure in found.items() if failure is not None}

    def so_far(self, key: RunKey) -> SoFar:
        """Return what is known of a run."""
        ranks = self._kept.get(key, {})
        blocks = [
            replace(record, run_id=key[1])
            for _, records in sorted(ranks.items())
            for record in records.values()
            if isinstance(record, BlockRecord)
        ]
        first = ranks.get(0, {}).values()
        epochs = [x for x in first if isinstance(x, EpochRecord)]
        evaluations = [x for x in first if isinstance(x, EvaluationRecord)]
        return SoFar(
            blocks=tuple(sorted(blocks, key=lambda block: (block.rank, block.block))),
            epochs=tuple(sorted(epochs, key=_number)),
            evaluations=tuple(sorted(evaluations, key=_number)),
        )


def _number(record: Kept) -> int:
    """Return what tells a record from others of its kind."""
    if isinstance(record, BlockRecord):
        return record.block
    return record.evaluation if isinstance(record, EvaluationRecord) else record.epoch
