"""A drop that happens once: efficiency is constant, then lower, then constant again.

X(N) = x1 N up to some number of workers, x2 N beyond, x2 <= x1: a change of link, memory or clock
that a curve goes through once. The number of workers is found with the two rates, so it counts as a
parameter. With constant efficiency it shares one vote: far out both say that nothing more is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.laws.law import Family, Mode, Parameter
from ray_bench.analysis.laws.place import Place

#: The logarithm of a world size comes back within this.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLaw:
    """The law with a step; the same methods as a Law. Coefficients: ln cost before, after, ln N."""

    key: str = "step"
    title: str = "one drop of efficiency"
    formula: str = "X = x1 N, then x2 N from N0 workers on"
    parameters: tuple[Parameter, ...] = (
        Parameter("throughput_at_one", "samples/s", "throughput x1 a worker before the drop"),
        Parameter("throughput_after", "samples/s", "throughput x2 a worker after it"),
        Parameter("workers_at_drop", "1", "smallest world size after the drop, N0"),
    )
    family: Family = "none"

    @property
    def num_parameters(self) -> int:
        """How many numbers the data have to give."""
        return len(self.parameters)

    @property
    def is_free(self) -> tuple[bool, ...]:
        """Both logarithms of a cost may be negative."""
        return (True, True)

    def applies(self, place: Place, mode: Mode) -> bool:
        """Whether the law can be told from simpler ones on such data."""
        return mode != "mixed" and len(place) > 1

    def fit(self, place: Place, log_cost: np.ndarray, root: np.ndarray) -> np.ndarray:
        """Return the coefficients of least squares; see Law.fit."""
        best = np.zeros((len(log_cost), 3))
        least = np.full(len(log_cost), np.inf)
        for cut in range(1, len(place)):
            after = (np.arange(len(place)) >= cut).astype(float)
            columns = root @ np.stack([1 - after, after], axis=1)
            found = np.linalg.lstsq(columns, (log_cost @ root.T).T, rcond=None)[0].T
            found[:, 1] = np.maximum(found[:, 0], found[:, 1])
            drop = np.full((len(found), 1), np.log(place.world_size[cut]))
            found = np.concatenate([found, drop], axis=1)
            loss = (((log_cost - self.log_cost(found, place)) @ root.T) ** 2).sum(axis=1)
            is_better = loss < least - _ROUNDING  # without a drop the first cut is as good
            best = np.where(is_better[:, None], found, best)
            least = np.minimum(loss, least)
        return best

    def log_cost(self, coefficients: np.ndarray, place: Place) -> np.ndarray:
        """Return ln(N / X) of every draw, shape (num_draws, num_places)."""
        before, after = coefficients[:, :1], coefficients[:, 1:2]
        return np.asarray(np.where(_is_after(coefficients, place), after, before))

    def slopes(self, coefficients: np.ndarray, place: Place) -> np.ndarray:
        """Return d ln(N / X) / d coefficients of both rates, shape (num_places, 2)."""
        after = _is_after(coefficients[None], place)[0]
        return np.stack([~after, after], axis=1).astype(float)

    def shares(self, coefficients: np.ndarray, place: Place) -> np.ndarray:
        """Return 1 for every coefficient: none has a bound."""
        del place
        return np.ones(len(coefficients))

    def values(self, coefficients: np.ndarray) -> dict[str, np.ndarray]:
        """Return the parameters by name, of coefficients of shape (..., 3)."""
        before, after, drop = np.moveaxis(coefficients, -1, 0)
        found = (np.exp(-before), np.exp(-after), np.exp(drop))
        return {p.name: np.asarray(x) for p, x in zip(self.parameters, found, strict=True)}


def _is_after(coefficients: np.ndarray, place: Place) -> np.ndarray:
    return np.asarray(np.log(place.world_size)[None, :] > coefficients[:, 2:3] - _ROUNDING)


LAW = StepLaw()
