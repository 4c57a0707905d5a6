"""Samples and tokens of batches, as they came and not as they were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from ray_bench.measure import totals
from ray_bench.records import BlockRecord, EpochRecord
from ray_bench.train.group import Group
from ray_bench.train.shares import Share

#: The mean of batches that differ may be so far from what was asked for.
BATCH_TOLERANCE_FRAC = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """Over all ranks."""

    num_tokens: int | None  # None: the batches do not tell
    least_local_samples: int | None  # of one rank's share of a whole batch; None: there was none
    most_local_samples: int | None


@final
class BatchTally:
    """Counts one rank's shares."""

    def __init__(self) -> None:
        self._tokens: Any = 0
        self._least: int | None = None
        self._most = 0

    def add(self, share: Share) -> None:
        """Count a share; the last batch of an epoch, which may be smaller, for its tokens alone."""
        if share.num_tokens is None:
            self._tokens = None
        elif self._tokens is not None:
            self._tokens += share.num_tokens
        if share.is_whole:
            count = share.num_samples
            self._least = count if self._least is None or count < self._least else self._least
            self._most = max(self._most, count)

    def counts(self, group: Group) -> BatchCounts:
        """Return the counts over all ranks, which call it together."""
        tokens = None if self._tokens is None else int(self._tokens)
        ranks = group.gather((tokens, self._least, self._most))
        known = [x for x, _, _ in ranks if x is not None]
        least = [x for _, x, _ in ranks if x is not None]
        return BatchCounts(
            num_tokens=sum(known) if len(known) == len(ranks) else None,
            least_local_samples=min(least, default=None),
            most_local_samples=max(x for *_, x in ranks) if least else None,
        )


def batch_fields(
    ranks: Sequence[Sequence[BlockRecord]], epochs: Sequence[EpochRecord]
) -> dict[str, Any]:
    """Return the samples of a rank's share of a batch, as they were counted.

    Args:
        ranks: The blocks of every rank, shape (world_size, num_blocks).
        epochs: Over all ranks.
    """
    least = [x.least_local_samples for x in epochs if x.least_local_samples is not None]
    most = [x.most_local_samples for x in epochs if x.most_local_samples is not None]
    return {
        "mean_local_samples": totals.mean_local_samples(ranks),
        "least_local_samples": min(least, default=None),
        "most_local_samples": max(most, default=None),
    }


def are_one_size(fields: Mapping[str, Any]) -> bool:
    """Tell whether all whole batches have as many samples, so that one stands for the others."""
    return bool(fields["least_local_samples"] == fields["most_local_samples"])


def batch_differs(fields: Mapping[str, Any], asked: int) -> bool:
    """Tell whether whole batches are not as large as asked for, by more than batches vary."""
    least, most, mean = (fields[f"{x}_local_samples"] for x in ("least", "most", "mean"))
    if least is None:
        return False
    has_other = not least <= asked <= most
    return has_other or (not are_one_size(fields) and abs(mean / asked - 1) > BATCH_TOLERANCE_FRAC)
