"""Which curve of the new sweep is compared with which of the base, and at what world sizes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.comparison.facts import Allow, Difference, differences, facts_of
from ray_bench.analysis.comparison.refusal import (
    LeftOut,
    Reason,
    no_runs_words,
    no_size_words,
    refused_words,
)
from ray_bench.analysis.comparison.settings import config_of
from ray_bench.analysis.comparison.side import Side, side_of
from ray_bench.analysis.curve import Curve, curve_of
from ray_bench.analysis.groups import Group, groups_of
from ray_bench.analysis.nodes import nodes_used
from ray_bench.analysis.verdict import NO_CLAIM_FLAG
from ray_bench.config.trained import trained
from ray_bench.errors import IncompatibleRunsError
from ray_bench.records import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two curves that are compared, at the world sizes that both have."""

    base: Side
    new: Side
    differences: tuple[Difference, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The world sizes, ascending; the first is the baseline of both."""
        return self.base.curve.sizes


@dataclass(frozen=True, slots=True)
class Matched:
    """The curves that are compared, and how many of the base found no partner."""

    pairs: tuple[Pair, ...]
    num_alone: int


@dataclass(frozen=True, slots=True)
class _Curve:
    """A group with everything that decides whom it is compared with."""

    group: Group
    results: Results
    curve: Curve
    facts: Mapping[str, object]

    @property
    def sizes(self) -> frozenset[int]:
        return frozenset(self.curve.sizes)

    def is_oversubscribed(self, size: int) -> bool:
        return any(
            NO_CLAIM_FLAG in run.flags for run in self.group.runs if run.point.world_size == size
        )

    def num_nodes(self, size: int) -> frozenset[int]:
        runs = [run for run in self.group.runs if run.point.world_size == size]
        counts = (nodes_used(run, self.results.environments) for run in runs)
        return frozenset(count for count in counts if count is not None)


@dataclass(frozen=True, slots=True)
class _Match:
    base: _Curve
    new: _Curve
    differences: tuple[Difference, ...]

    def in_the_way(self, allowed: Collection[Allow]) -> tuple[Difference, ...]:
        return tuple(x for x in self.differences if x.is_in_the_way(allowed))


def pairs_of(base: Results, new: Results, allowed: Collection[Allow]) -> Matched:
    """Return the curves that may be compared, each of them once.

    Raises:
        IncompatibleRunsError: There are none; says what is in the way, and what allows it.
    """
    ours, theirs = _curves(base, "base"), _curves(new, "new")
    found = [_Match(a, b, differences(a.facts, b.facts)) for a in ours for b in theirs]
    free = [match for match in found if not match.in_the_way(allowed)]
    if not free:
        nearest = min((match.in_the_way(allowed) for match in found), key=_weight)
        raise IncompatibleRunsError(refused_words(nearest))
    pairs: list[Pair] = []
    used: set[int] = set()
    for match in sorted(free, key=_worth):
        if used.isdisjoint((id(match.base), id(match.new))):
            used |= {id(match.base), id(match.new)}
            pairs.append(_pair(match, allowed))
    kept = tuple(pair for pair in pairs if pair.sizes)
    if not kept:
        raise IncompatibleRunsError(no_size_words([x for pair in pairs for x in pair.left_out]))
    return Matched(kept, sum(id(curve) not in used for curve in ours))


def _curves(results: Results, name: str) -> list[_Curve]:
    blocks = split_by_run(results.blocks)
    how = trained(config_of(results.sweep.config_json))
    found = [
        _Curve(
            group,
            results,
            curve_of(group.timed, blocks),
            facts_of(group, results.environments) | how,
        )
        for group in groups_of(results)
    ]
    timed = [curve for curve in found if curve.sizes]
    if not timed:
        raise IncompatibleRunsError(no_runs_words(results, name))
    return timed


def _pair(match: _Match, allowed: Collection[Allow]) -> Pair:
    one, other = match.base, match.new
    reasons = {n: _reason(match, n, allowed) for n in sorted(one.sizes | other.sizes)}
    shared = [n for n, why in reasons.items() if why is None]
    return Pair(
        base=side_of(one.group, one.results, one.curve, shared),
        new=side_of(other.group, other.results, other.curve, shared),
        differences=match.differences,
        left_out=tuple(LeftOut(n, why) for n, why in reasons.items() if why is not None),
    )


def _reason(match: _Match, size: int, allowed: Collection[Allow]) -> Reason | None:
    one, other = match.base, match.new
    if size not in one.sizes:
        return Reason.ONLY_IN_NEW
    if size not in other.sizes:
        wanted = _planned(other.results)
        return Reason.MISSING_IN_NEW if size in wanted else Reason.ONLY_IN_BASE
    is_over = one.is_oversubscribed(size) or other.is_oversubscribed(size)
    if is_over and Allow.OVERSUBSCRIBED not in allowed:
        return Reason.OVERSUBSCRIBED
    if one.num_nodes(size) != other.num_nodes(size) and Allow.HARDWARE not in allowed:
        return Reason.OTHER_NODES
    return None


def _planned(results: Results) -> set[int]:
    """Return the world sizes that were asked for: configured, or tried."""
    wanted = config_of(results.sweep.config_json).get("world_sizes", [])
    tried = {run.point.world_size for run in results.runs}
    return tried | (set(wanted) if isinstance(wanted, list) else set())


def _weight(in_the_way: Sequence[Difference]) -> tuple[int, int]:
    return sum(x.allow is None for x in in_the_way), len(in_the_way)


def _worth(match: _Match) -> tuple[int, int]:
    return -len(match.base.sizes & match.new.sizes), len(match.differences)
