"""A failure in words: what failed, why, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ray_bench.causes import EXTRAS, is_collateral, remedy_of
from ray_bench.records import FailureRecord, RunRecord

#: Of the text of a cause: a table is no place for more.
_MAX_CAUSE = 500

_WHAT: Mapping[str, str] = {
    "run": "the run",
    "evaluation": "an evaluation",
    "instruments": "an instrument",
    "noise": "the noise pass",
    "phases": "the phase pass",
    "sync_pairs": "steps with and without synchronisation",
    "checkpoint": "the checkpoint",
    "flops": "counting operations",
    "trace": "the trace",
    "passes": "what follows the training",
}


def origins(found: Sequence[FailureRecord]) -> list[FailureRecord]:
    """Return the causes without what ranks say that only lost another one, where there are any."""
    return [x for x in found if not is_collateral(x.error_message)] or list(found)


def remedy(failure: FailureRecord) -> str:
    """Return what to do about a failure; an extra can also be left out."""
    words = remedy_of(failure.error_type, failure.error_message)
    key = EXTRAS.get(failure.part)
    return words if key is None else f"{words} Or leave it out with {key}."


def what_failed(failure: FailureRecord) -> str:
    """Return the part in words; one that is not known, of a newer version, as it is."""
    return _WHAT.get(failure.part, failure.part)


def cause(failure: FailureRecord) -> str:
    """Return the cause in a sentence of bounded length."""
    words = f"{failure.error_type}: {failure.error_message}"
    return words if len(words) <= _MAX_CAUSE else f"{words[: _MAX_CAUSE - 3]}..."


def ended(runs: Iterable[RunRecord]) -> dict[str, int]:
    """Return how many of the runs that did not finish failed, diverged and were stopped."""
    results = ("diverged", "stopped")
    counts = Counter(run.status if run.status in results else "failed" for run in runs)
    return {words: counts[words] for words in ("failed", "diverged", "stopped") if counts[words]}
