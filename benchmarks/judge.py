"""How good forecasts were: proper scores of ln X, strata, and a paired difference to a baseline.

The quantile score is the mean pinball loss of the 2.5, 50 and 97.5 % quantiles of ln X, so of the
number and the interval that a user sees; the CRPS is twice the mean pinball loss over quantiles of
the whole distribution (Gneiting and Raftery 2007, JASA 102(477), section 4.2). 0.01 is about 1 %.
Curves of one source were made alike: scores are averaged in a curve, then in a source, and the
standard error is that over sources.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

#: Of the distribution of a prediction; symmetric, the median in the middle.
PROBABILITIES = tuple(i / 40 for i in range(1, 40))
_MIDDLE = len(PROBABILITIES) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One predicted world size."""

    curve: str
    group: str
    regime: str
    num_points: int  # that it was predicted from
    crosses_boundary: bool  # needs a second node, and no point had one
    world_size: int
    measured: float
    predicted: float
    low: float | None
    high: float | None
    quantiles: tuple[float, ...] | None = None  # at PROBABILITIES; None without an interval
    law: str | None = None

    @property
    def error(self) -> float:
        """|predicted / measured - 1|."""
        return abs(self.predicted / self.measured - 1)

    @property
    def is_covered(self) -> bool | None:
        """Whether the interval holds the measurement; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.measured <= self.high

    @property
    def width(self) -> float | None:
        """Full width of the interval, relative to the prediction."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / self.predicted

    @property
    def quantile_score(self) -> float | None:
        """Mean pinball loss of the interval and its middle."""
        if self.quantiles is None:
            return None
        return statistics.fmean(self._pinball(i) for i in (0, _MIDDLE, -1))

    @property
    def crps(self) -> float | None:
        """Continuous ranked probability score of ln X."""
        if self.quantiles is None:
            return None
        return 2 * statistics.fmean(self._pinball(i) for i in range(len(self.quantiles)))

    def _pinball(self, index: int) -> float:
        assert self.quantiles is not None
        above = math.log(self.measured / self.quantiles[index])
        share = PROBABILITIES[index]
        return max(share * above, (share - 1) * above)


#: How predictions are put into strata, by the name of the division.
STRATA: dict[str, Callable[[Prediction], str]] = {
    "all": lambda _: "all",
    "batch": lambda x: f"batch {x.regime}",
    "points": lambda x: f"{x.num_points if x.num_points < 5 else '5 or more'} points",
    "boundary": lambda x: "boundary not measured" if x.crosses_boundary else "boundary measured",
}
SCORES: dict[str, Callable[[Prediction], float | None]] = {
    "quantile score": lambda x: x.quantile_score,
    "CRPS": lambda x: x.crps,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over sources, with its standard error; None from one source."""

    value: float
    error: float | None
    num_groups: int

    @classmethod
    def of(cls, values: Iterable[tuple[str, str, float]]) -> Mean:
        """Return the mean of values that come with their source and curve."""
        curves: dict[tuple[str, str], list[float]] = defaultdict(list)
        for group, curve, value in values:
            curves[group, curve].append(value)
        groups: dict[str, list[float]] = defaultdict(list)
        for (group, _), found in curves.items():
            groups[group].append(statistics.fmean(found))
        means = [statistics.fmean(found) for found in groups.values()]
        error = statistics.stdev(means) / math.sqrt(len(means)) if len(means) > 1 else None
        return cls(value=statistics.fmean(means), error=error, num_groups=len(means))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stratum: predictions now, and the same ones of a baseline."""

    stratum: str
    now: tuple[Prediction, ...]
    before: tuple[Prediction, ...] | None

    def mean(self, name: str) -> Mean:
        """Return the mean of a score."""
        return Mean.of(_scores(self.now, name))

    def difference(self, name: str) -> Mean:
        """Return now less before, pair by pair; below 0 is better."""
        assert self.before is not None
        pairs = zip(_scores(self.now, name), _scores(self.before, name), strict=True)
        return Mean.of((group, curve, a - b) for (group, curve, a), (_, _, b) in pairs)


def _scores(found: Sequence[Prediction], name: str) -> list[tuple[str, str, float]]:
    rows = [(x.group, x.curve, SCORES[name](x)) for x in found]
    return [(group, curve, value) for group, curve, value in rows if value is not None]


def judged(now: Sequence[Prediction], before: Sequence[Prediction] | None) -> list[Row]:
    """Return every stratum of every division."""
    earlier = None if before is None else {(x.curve, x.world_size): x for x in before}
    rows = []
    for division in STRATA.values():
        strata: dict[str, list[Prediction]] = defaultdict(list)
        for x in now:
            strata[division(x)].append(x)
        for stratum, found in sorted(strata.items()):
            same = earlier and tuple(earlier[x.curve, x.world_size] for x in found)
            rows.append(Row(stratum=stratum, now=tuple(found), before=same))
    return rows


def cells_of(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return the table, its head first; a difference in hundredths, with its standard error."""
    is_paired = rows[0].before is not None
    heads = [f"{name} x 100" for name in SCORES]
    if is_paired:
        heads += [f"{name}, less before" for name in SCORES]
    columns = ["median error", "covered", "median width"]
    found = [("stratum", "sources", "predictions", *heads, *columns)]
    for row in rows:
        cells = [_number(row.mean(name)) for name in SCORES]
        if is_paired:
            cells += [_number(row.difference(name), sign="+") for name in SCORES]
        cells += [_change(value, row) for value in (_median_error, _coverage, _median_width)]
        groups = row.mean(next(iter(SCORES))).num_groups
        found.append((row.stratum, str(groups), str(len(row.now)), *cells))
    return found


def _number(mean: Mean, sign: str = "") -> str:
    error = "" if mean.error is None else f" ({100 * mean.error:.2f})"
    return f"{100 * mean.value:{sign}.2f}{error}"


def _change(value: Callable[[Sequence[Prediction]], float], row: Row) -> str:
    now = f"{100 * value(row.now):.1f} %"
    return now if row.before is None else f"{100 * value(row.before):.1f} -> {now}"


def _median_error(found: Sequence[Prediction]) -> float:
    return statistics.median(x.error for x in found)


def _coverage(found: Sequence[Prediction]) -> float:
    return statistics.fmean(bool(x.is_covered) for x in found)


def _median_width(found: Sequence[Prediction]) -> float:
    return statistics.median(x.width or 0.0 for x in found)
